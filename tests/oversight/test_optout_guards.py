"""The database's own guards over choices, checkpoints and partners: each attacked alone, round Python."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

import databases
from checkpoint import NO, Camera, Gate
from counterseal.gateway.analyse import approve_age_estimation
from counterseal.gateway.databases.port import Guard
from counterseal.gateway.guards import MOVING, SET_ONCE, WRITTEN_ONCE, guards
from counterseal.gateway.opt_out import (
    complain,
    finish_alternative,
    issue_list,
    register_choice,
    withdraw_choice,
)
from counterseal.gateway.partners import record_agreement
from office import SimulatedOffice, made, open_copy, person

TABLES = (
    "alternativetaken",
    "analysisapproval",
    "complaint",
    "keptsample",
    "optout",
    "optoutlistissued",
    "partneragreement",
    "partnerservice",
    "verificationterms",
)
MINE = {
    name: guard
    for name, guard in guards().items()
    if name.removeprefix("oversight_").rpartition("_")[0] in TABLES
    or name.removeprefix("oversight_").removesuffix("_set_once") in TABLES
}


@pytest.fixture(scope="module")
def office(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedOffice]:
    """An office with a row in each of the tables; every attack is rolled back."""
    home = tmp_path_factory.mktemp("guards") / "home"
    with open_copy(office_template, home) as opened:
        gate = Gate(opened, keep_hours={"verified": {"gate": 12}})
        gate.verify(Camera(person(3).photograph(2)))
        declined = gate.verify(Camera(b""), choice=NO, reference="any")
        made(finish_alternative(opened.office, after_entry=declined.index, by=opened.who("gail")))
        complain(opened.office, use_id=gate.use_id, about="pressed")
        taken_back = register_choice(opened.office, kind="booking", reference="QX7P2L")
        withdraw_choice(opened.office, code=taken_back.code)
        register_choice(opened.office)
        made(issue_list(opened.office, by=opened.who("pat")))
        made(
            approve_age_estimation(
                opened.office, use_id=gate.use_id, as_office="privacy", by=opened.who("pat")
            )
        )
        made(
            record_agreement(
                opened.office,
                agency="city-police",
                kind="agreement",
                citation="Agreement 2026-14",
                valid_from=opened.clock.now,
                valid_until=opened.clock.now + timedelta(days=1),
                services=((opened.agency.service_id, opened.agency.service_id),),
                by=opened.who("dis"),
            )
        )
        assert opened.fsck().sound
        with databases.as_owner(home):
            yield opened


def _way_round(guard: str) -> str:
    """A statement that goes round Python, past everything but this guard."""
    table = next(t for t in sorted(TABLES, key=len, reverse=True) if guard.startswith(f"oversight_{t}_"))
    model = apps.get_model("oversight", table)
    name, columns = model._meta.db_table, [f.column for f in model._meta.concrete_fields]
    listed = ", ".join(f'"{c}"' for c in columns)
    label = model._meta.label_lower
    match guard.removeprefix(f"oversight_{table}_"):
        case "kept":
            return f"DELETE FROM {name}"
        case "anew":
            return databases.replacing(model)
        case "once":
            return f'UPDATE {name} SET "{columns[-1]}" = "{columns[-1]}"'
        case "frozen":
            fixed = next(c for c in columns if c not in (*MOVING[label], "id", "entry_index", "use_id"))
            return f"UPDATE {name} SET \"{fixed}\" = '2025-01-01 00:00:00'"
        case "set_once":
            column = SET_ONCE[label]
            return f'UPDATE {name} SET "{column}" = \'2025-01-01 00:00:00\' WHERE "{column}" IS NOT NULL'
        case "made":
            taken = ", ".join({"id": "'row-x'"}.get(c, f'"{c}"') for c in columns)
            return f"INSERT INTO {name} ({listed}) SELECT {taken} FROM {name} WHERE status = 'withdrawn'"
        case "moved":
            return (
                f"UPDATE {name} SET status = 'standing', withdrawn_at = NULL, receipt_token = 'x' "
                "WHERE status = 'withdrawn'"
            )
    raise AssertionError(f"nobody attacks `{guard}`")


class UndoneError(Exception):
    """Raised to roll an attack back."""


def attack(statement: str, guard: Guard, *, standing: bool = False) -> int:
    """Run a statement with this guard alone, or not even this; how many rows it changed; nothing of it stays."""
    changed = -1
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            databases.leave_alone(guard, standing=standing)
            cursor.execute(statement)
            changed = cursor.rowcount
            raise UndoneError
    except UndoneError:
        return changed


def test_the_sweep_saw_the_guards() -> None:
    """Nine tables: two guards each against deletion and replacement, and one that nothing else changes."""
    assert {t for t in TABLES if not any(f"oversight_{t}_kept" == g for g in MINE)} == set()
    assert len(MINE) == 9 * 3 + 2 + 2  # set once: a withdrawal, a destruction; a choice's two moves
    assert {f"oversight.{t}" for t in TABLES} <= {*WRITTEN_ONCE, *MOVING}


@pytest.mark.parametrize("guard", sorted(MINE))
def test_guard_closes_and_is_what_closes(office: SimulatedOffice, guard: str) -> None:
    """With it alone the way round is refused in its words; without any it is open."""
    statement = _way_round(guard)
    if guard == "oversight_keptsample_set_once":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE oversight_keptsample SET destroyed_at = kept_at WHERE destroyed_at IS NULL"
            )

    with pytest.raises(IntegrityError) as refused:
        attack(statement, MINE[guard], standing=True)
    assert databases.first_line(refused.value) == MINE[guard].says
    assert attack(statement, MINE[guard]) > 0, "the attack does not work without the guard either"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE oversight_optout SET token = 'a' WHERE status = 'withdrawn'", "withdrawn_holds_no_token"),
        (
            "UPDATE oversight_optout SET receipt_token = '' WHERE status = 'standing'",
            "withdrawn_holds_no_token",
        ),
        ("UPDATE oversight_keptsample SET due = kept_at", "sample_due_later"),
        ("UPDATE oversight_verificationterms SET alternative = ''", "alternative_is_stated"),
        (
            "UPDATE oversight_verificationterms SET stated_by_id = proposer_id",
            "verification_stated_by_another",
        ),
        ("UPDATE oversight_complaint SET about = 'weather'", "complaint_about"),
        ("UPDATE oversight_analysisapproval SET office = 'counsel'", "analysis_office"),
        ("UPDATE oversight_analysisapproval SET proposer_id = person_id", "analysis_by_another"),
        ("UPDATE oversight_partneragreement SET valid_until = valid_from", "partner_ends_later"),
        ("UPDATE oversight_partneragreement SET kind = 'favour'", "partner_authority_kind"),
        ("UPDATE oversight_partneragreement SET citation = ''", "partner_authority_cited"),
        ("UPDATE oversight_optoutlistissued SET sequence = 0", "optout_list_counts"),
    ],
)
def test_constraint_closes(office: SimulatedOffice, statement: str, constraint: str) -> None:
    """The constraint holds without any guard."""
    with pytest.raises(IntegrityError, match=constraint):
        attack(statement, next(g for g in MINE.values() if f" {g.table} " in f"{statement} "))
