"""What goes round Python meets the database: each guard is shown closing, and to be what closes.

Each attack runs twice on an office in which everything has happened once: with this one guard alone, which
must refuse in its own words; and without any, where it must go through. So each guard is needed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

import databases
from counterseal.casework.models import Approval, Disposition, SearchRequest
from counterseal.gateway.guards import (
    MOVING,
    NEVER_DELETED,
    SET_ONCE,
    WRITTEN_ONCE,
    guards,
    install_guards,
    triggers,
)
from counterseal.oversight.models import LogEntry
from counterseal.terms.rows import SealedRow
from office import SimulatedOffice, open_copy

# Guards of tables that our story does not fill, because their rooms have tests of their own, by how their
# names begin. Whoever adds a table puts it here, or tells of it in `whole_story.py`.
ATTACKED_ELSEWHERE = (
    "approved_by_no_supervising_reviewer",
    "finding_",
    "oversight_alternativetaken",
    "oversight_analysisapproval",
    "oversight_apiclient",
    "oversight_complaint",
    "oversight_finding",
    "oversight_keptsample",
    "oversight_optout",
    "oversight_partneragreement",
    "oversight_partnerservice",
    "oversight_programfilerecord",
    "oversight_programlistheld",
    "oversight_redressrequest",
    "oversight_referral",
    "oversight_sampleperiod",
    "oversight_supervisorreview",
    "oversight_verificationterms",
    "period_after_the_one_before",
    "redress_",
    "review_duty_closed_by_a_review",
    "supervised_by_no_approver",
)
BY_STATUS = (
    "casework.case",
    "casework.searchrequest",
    "casework.review",
    "casework.lead",
    "casework.enforcementaction",
    "oversight.service",
    "oversight.hold",
    "oversight.packchange",
    "oversight.servicereview",
    "oversight.servicetestplan",
    "oversight.trialdeclaration",
    "oversight.use",
    "oversight.userisk",
)
BESPOKE = {
    "approval_of_the_requester": (
        "INSERT INTO casework_approval (id, entry_index, request_id, kind, approver_id, requester_id, "
        "payload_digest, granted, words, at) SELECT 'approval-x', 0, id, 'witness', requester_id, 'person-y', "
        "payload_digest, TRUE, 'object-x', requested_at FROM casework_searchrequest LIMIT 1"
    ),
    "concurrence_on_the_proposer": (
        "INSERT INTO oversight_concurrence (id, entry_index, use_id, office, person_id, proposer_id, "
        "concurs, at, round, unit, proposer_unit, conditions, words) SELECT 'concurrence-x', 0, id, 'privacy', "
        "'person-x', 'person-y', TRUE, '2026-01-01', 1, 'u', 'v', '{}', '' FROM oversight_use WHERE id = 'use-x'"
    ),
    "concurrence_of_this_round": (
        "INSERT INTO oversight_concurrence (id, entry_index, use_id, office, person_id, proposer_id, "
        "concurs, at, round, unit, proposer_unit, conditions, words) SELECT 'concurrence-x', 0, id, 'privacy', "
        "'person-x', 'p', TRUE, '2026-01-01', 2, 'u', 'v', '{}', '' FROM oversight_use WHERE id = 'use-x'"
    ),
    "disposition_into_an_open_review": (
        "INSERT INTO casework_disposition (id, entry_index, review_id, candidate_id, judgement, at) "
        "SELECT 'disposition-x', 0, r.id, c.id, 'excluded', r.opened_at FROM casework_review r "
        "JOIN casework_candidaterow c ON c.candidate_list_id = r.candidate_list_id WHERE r.status = 'locked' "
        "AND NOT EXISTS (SELECT 1 FROM casework_disposition WHERE review_id = r.id AND candidate_id = c.id) LIMIT 1"
    ),
    "lead_kept_by_two": (
        "INSERT INTO casework_lead SELECT 'lead-x', 0, 'possible-lead', '', first_reviewer_id, second_reviewer_id, "
        "'x', '2026-01-01', {columns} FROM casework_lead"
    ),
    "lead_compared": "",
    "destroyed_under_a_hold": (
        "UPDATE oversight_vaultobject SET wrapped_key = NULL, destroyed_at = created_at WHERE about IN "
        "(SELECT about FROM oversight_hold WHERE status = 'in-force')"
    ),
    "use_active_by_three": "UPDATE oversight_use SET status = 'active' WHERE name = 'Crowd watching'",
    "use_active_on_nine_principles": "UPDATE oversight_use SET status = 'active' WHERE name = 'Crowd watching'",
    "use_active_on_its_risks": "UPDATE oversight_use SET status = 'active' WHERE name = 'Crowd watching'",
    # The words of the round before would count again.
    "use_reviewed_again_from_nothing": "UPDATE oversight_use SET status = 'under-review' WHERE status = 'active'",
    "service_approved_after_acquisition": (
        "UPDATE oversight_service SET version = '2' WHERE status = 'approved'"
    ),
}


def _lead_of(candidate: str, comparison: str) -> str:
    """Insert a lead of this candidate on this comparison, otherwise a copy of the one there is."""
    fields = [f.column for f in apps.get_model("casework.lead")._meta.concrete_fields]
    swapped = {
        "id": "'lead-x'",
        "status": "'possible-lead'",
        "candidate_id": f"({candidate})",
        "comparison_id": f"({comparison})",
    }
    taken = ", ".join(swapped.get(f, f) for f in fields)
    return f"INSERT INTO casework_lead ({', '.join(fields)}) SELECT {taken} FROM casework_lead LIMIT 1"


# A candidate that nobody kept, on a comparison of its own that fits; one that was kept, on another's comparison.
UNKEPT = "SELECT id FROM casework_candidaterow WHERE rank = 2 LIMIT 1"
BESPOKE["lead_kept_by_two"] = _lead_of(UNKEPT, "SELECT id FROM casework_comparison LIMIT 1")
BESPOKE["lead_compared"] = _lead_of(UNKEPT, "SELECT 'comparison-of-nobody'")


def attacks() -> dict[str, str]:
    """One way round Python for every guard, by the guard's name."""
    made = dict(BESPOKE)
    for model in apps.get_models():
        label, table = model._meta.label_lower, model._meta.db_table
        short = label.replace(".", "_")
        columns = [f.column for f in model._meta.concrete_fields]
        listed = ", ".join(f'"{c}"' for c in columns)
        if issubclass(model, SealedRow) or label in NEVER_DELETED:
            made[f"{short}_kept"] = f"DELETE FROM {table}"
            made[f"{short}_anew"] = databases.replacing(model)
        if label in WRITTEN_ONCE:
            made[f"{short}_once"] = f'UPDATE {table} SET "{columns[-1]}" = "{columns[-1]}"'
        if label in MOVING:
            kept = next(
                c for c in columns if c not in (*MOVING[label], "id", "entry_index", "status", "kind")
            )
            made[f"{short}_frozen"] = f'UPDATE {table} SET "{kept}" = {_other(model, kept)}'
        if label in SET_ONCE:
            column = SET_ONCE[label]
            made[f"{short}_set_once"] = (
                f'UPDATE {table} SET "{column}" = {_other(model, column)} WHERE "{column}" IS NOT NULL'
            )
        if label in BY_STATUS:
            made[f"{short}_made"] = _made_in_the_end_state(model, listed, columns)
            made[f"{short}_moved"] = f"UPDATE {table} SET status = {_backwards(label)}"
    return {name: sql for name, sql in made.items() if not name.startswith(ATTACKED_ELSEWHERE)}


def _other(model: type[Model], column: str) -> str:
    """Another value that the column's own checks let pass."""
    kind = next(f for f in model._meta.concrete_fields if f.column == column).get_internal_type()
    if kind == "DateTimeField":
        return "'2031-01-01 00:00:00'"
    if kind in ("BigIntegerField", "IntegerField"):
        return f'"{column}" + 1000'
    if kind == "BooleanField":
        return f'NOT "{column}"'
    if kind == "JSONField":
        return "'[\"x\"]'"
    return f"\"{column}\" || 'x'"


END = {
    "casework.case": "closed",
    "casework.searchrequest": "answered",
    "casework.review": "locked",
    "casework.lead": "cited",
    "casework.enforcementaction": "cleared",
    "oversight.service": "suspended",
    "oversight.hold": "lifted",
    "oversight.packchange": "in-effect",
    "oversight.servicereview": "closed",
    "oversight.servicetestplan": "concluded",
    "oversight.trialdeclaration": "closed",
    "oversight.use": "suspended",
    "oversight.userisk": "mitigated",
}


def _made_in_the_end_state(model: type[Model], listed: str, columns: list[str]) -> str:
    """A copy under another id and in another unique place, born in the state where rows end."""
    label = model._meta.label_lower
    other = {
        "id": "'row-x'",
        "status": f"'{END[label]}'",
        "number": "'number-x'",
        "name": "'name-x'",
        "intent_index": "99999",
        "turn": "turn",
        "reviewer_id": "'person-x'",
        "candidate_list_id": "'list-x'",
        "locked_at": "'2031-01-01 00:00:00'",
        "candidate_id": "'candidate-x'",
        "confirmed_by_id": "'person-x'",
        "confirmed_at": "'2031-01-01 00:00:00'",
        "effective_at": "'2031-01-01 00:00:00'",
        "outcome": "'disapproved'",
        "evidence": "'report 4'",
        "closed_by_id": "'person-x'",
    }
    taken = ", ".join(other.get(c, f'"{c}"') for c in columns)
    return f"INSERT INTO {model._meta.db_table} ({listed}) SELECT {taken} FROM {model._meta.db_table} LIMIT 1"


def _backwards(label: str) -> str:
    """A status from which the row did not come, and which the column's checks let pass."""
    return {
        "casework.case": "CASE status WHEN 'closed' THEN 'open' ELSE status END",
        "casework.searchrequest": "'requested'",
        "casework.review": "'open', locked_at = NULL",
        "casework.lead": "'possible-lead'",
        "casework.enforcementaction": "'awaiting-confirmation'",
        "oversight.service": "'unreviewed'",
        "oversight.packchange": "'proposed', effective_at = NULL",
        "oversight.hold": "'in-force', lifted_by_id = '', lifted_at = NULL",
        "oversight.servicereview": "'open', outcome = ''",
        "oversight.servicetestplan": "'planned'",
        "oversight.trialdeclaration": "'open', outcome = '', closed_by_id = ''",
        "oversight.use": "CASE status WHEN 'suspended' THEN 'active' ELSE status END",
        "oversight.userisk": "'open', evidence = '', closed_by_id = ''",
    }[label]


@pytest.fixture(scope="module")
def whole(told_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedOffice]:
    """One office for all attacks: each is rolled back."""
    home = tmp_path_factory.mktemp("guards") / "home"
    with open_copy(told_template, home) as opened, databases.as_owner(home):
        with connection.cursor() as cursor:  # a use that nobody concurred with, for `use_active_by_three`
            cursor.execute(
                "INSERT INTO oversight_use (id, entry_index, name, purpose, law_enforcement, analysis_approved, "
                "status, proposed_by_id, kind, round) VALUES ('use-x', 0, 'Crowd watching', 'x', TRUE, '[]', "
                "'under-review', 'p', 'identification', 1)"
            )
        yield opened


class UndoneError(Exception):
    """Raised to roll an attack back."""


def attack(statement: str, *, guard: str, standing: bool) -> int:
    """Run a statement with this guard alone, or not even this; how many rows it changed; nothing of it stays."""
    changed = -1
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            databases.leave_alone(guards()[guard], standing=standing)
            cursor.execute(statement)
            changed = cursor.rowcount
            raise UndoneError
    except UndoneError:
        return changed


def test_every_guard_has_its_attack():
    """A guard that nobody attacks is not known to hold."""
    assert {t for t in triggers() if not t.startswith(ATTACKED_ELSEWHERE)} == set(attacks())
    assert len(attacks()) >= 132


@pytest.mark.parametrize("guard", sorted(attacks()))
def test_guard_closes_and_is_what_closes(whole, guard):
    """With it alone the way round is refused in its words; without any it is open."""
    statement = attacks()[guard]

    with pytest.raises(IntegrityError) as refused:
        attack(statement, guard=guard, standing=True)
    assert databases.first_line(refused.value) == guards()[guard].says
    assert attack(statement, guard=guard, standing=False) > 0, (
        "the attack does not work without the guard either"
    )


class TestRoundThePythonModels:
    """The same through the ORM, with all guards in place, as the owner of the tables."""

    @pytest.fixture(autouse=True)
    def _as_owner(self, told: SimulatedOffice) -> Iterator[None]:
        with databases.as_owner(told.office.home):
            yield

    def test_update_of_a_queryset_does_not_change_what_was_asked(self, told):
        """`limit` is frozen, whatever route it takes."""
        with pytest.raises(IntegrityError, match="only status, submitted_at, intent_index may change"):
            SearchRequest.objects.update(limit=50)

    def test_saved_judgement_is_not_saved_again(self, told):
        """A reviewer does not change their mind after the fact."""
        disposition = Disposition.objects.first()
        disposition.judgement = "excluded"
        with pytest.raises(IntegrityError, match="written once"):
            disposition.save()

    def test_delete_of_a_queryset_deletes_nothing(self, told):
        """Not one approval, not one entry."""
        for model in (Approval, LogEntry):
            with pytest.raises(IntegrityError, match="never deleted"):
                model.objects.all().delete()

    def test_refused_request_is_not_declared_answered(self, told):
        """requested -> answered is no transition."""
        with pytest.raises(IntegrityError, match="this state cannot follow that one"):
            SearchRequest.objects.filter(status="failed").update(status="answered")

    def test_upsert_is_an_update(self, told):
        """`bulk_create(update_conflicts=True)` meets the guards too."""
        entry = LogEntry.objects.first()
        with pytest.raises(IntegrityError):
            LogEntry.objects.bulk_create(
                [LogEntry(index=entry.index, body=b"{}")],
                update_conflicts=True,
                update_fields=["body"],
                unique_fields=["index"],
            )
        assert bytes(LogEntry.objects.get(pk=entry.index).body) == bytes(entry.body)


class TestMissingGuard:
    def test_fsck_names_a_guard_that_was_removed_or_weakened(self, told):
        """Whoever can run SQL can drop a trigger; it does not stay unseen."""
        with databases.as_owner(told.office.home):
            databases.drop_guard("oversight_logentry_once")
            databases.weaken_guard("casework_lead_kept")

        found = {(f.code, f.where) for f in told.fsck().log.findings}

        assert found == {
            ("guard-missing", "oversight_logentry_once"),
            ("guard-missing", "casework_lead_kept"),
        }
        with databases.as_owner(told.office.home):
            assert install_guards() == len(triggers())
        assert told.fsck().sound
