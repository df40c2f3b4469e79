"""What the simulated office does by the book violates nothing; what it does late is found; inside and outside agree."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from whole_story import exigent_use_of_an_unreviewed_service, tell

from counterseal.cli.commands.monitor import openings_of_package
from counterseal.cli.commands.public import reader
from counterseal.gateway.carrying_roles import BY_ANYBODY, MOVES, OWN, carrying_roles
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.discovery_package import CONTENTS, Package, write_discovery_package
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.hand_out_openings import HandedOut, hand_out_openings
from counterseal.gateway.run_monitors import monitor_export, run_monitors
from counterseal.ledger.entry import Disclosure
from counterseal.oversight.figures.release import read_openings
from counterseal.oversight.models import LogDisclosures
from counterseal.oversight.monitors.errors import HistoryNotSoundError, HistoryUnreadableError
from counterseal.oversight.monitors.exported import merged
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.table import MONITORS, OPENED
from counterseal.oversight.monitors.watch import Watched
from counterseal.policy import load_policies
from counterseal.shipped import shipped
from office import SimulatedOffice, made

POLICIES = load_policies(shipped("policies"))
KINDS = Path(__file__).parents[3] / "docs/reference/entries.md"


def found(watched: Watched) -> dict[str, list[str]]:
    return {r.rule.id: [v.says for v in r.violations] for r in watched.results if r.violations}


def unjudged(office: SimulatedOffice, watched: Watched) -> list[tuple[str, str]]:
    entries = office.entries()
    return [(r.rule.id, entries[index].kind) for r in watched.results for index in r.closed]


@pytest.fixture
def told(office: SimulatedOffice) -> SimulatedOffice:
    tell(office)
    return office


def test_the_whole_story_is_clean_and_wholly_judged(told: SimulatedOffice) -> None:
    watched = run_monitors(told.office)

    assert watched.clean, found(watched)
    assert watched.whole, unjudged(told, watched)
    assert watched.entries == len(told.entries())


def test_an_exigent_use_that_nobody_ratifies_is_found_when_its_time_is_over(office: SimulatedOffice) -> None:
    """The gateway lets it be late, and cannot hide it; the duties that it opened are late as well."""
    exigent_use_of_an_unreviewed_service(office, closes=False)
    assert run_monitors(office.office).clean

    office.clock.forward(hours=25)
    watched = run_monitors(office.office)

    assert set(found(watched)) == {"exigent-use-ratified", "duty-closed-in-time"}
    office.clock.forward(days=14)
    assert len(found(run_monitors(office.office))["duty-closed-in-time"]) > len(
        found(watched)["duty-closed-in-time"]
    )


def test_a_lead_in_no_report_is_found(office: SimulatedOffice) -> None:
    office.lead(reported=False)
    office.clock.forward(days=15)

    assert found(run_monitors(office.office))["lead-noted"] == ["a lead stands in no report after 14 days"]


class TestOutside:
    """An auditor with an exported log, and what they were given to open it."""

    def all_openings(self, office: SimulatedOffice) -> dict[int, list[Disclosure]]:
        return {
            row.pk: [Disclosure.parse(each) for each in row.encoded.split("\n") if each]
            for row in LogDisclosures.objects.all()
        }

    def test_inside_and_outside_say_the_same_on_the_same_openings(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        told.clock.forward(days=40)
        until = told.clock.now
        inside = run_monitors(told.office, until=until)
        exported = export_ledger(tmp_path / "log")

        outside = monitor_export(
            reader(exported.path),
            self.all_openings(told),
            told.office.policies,
            vkey=exported.vkey,
            until=until,
        )

        assert not inside.clean
        assert inside == outside

    def test_what_is_handed_out_is_all_that_monitors_need(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        """Exported first, handed out after: nothing in the export is closed to a monitor."""
        until = told.clock.now + timedelta(days=40)
        inside = run_monitors(told.office, until=until)
        log = export_ledger(tmp_path / "log")
        answer = hand_out_openings(
            told.office,
            path=tmp_path / "openings.json",
            recipient="inspector-general",
            authority="5 U.S.C. 406",
            by=told.who("pat"),
        )
        assert isinstance(answer, HandedOut)
        given = read_openings(answer.path.read_bytes())

        outside = monitor_export(reader(log.path), given, told.office.policies, until=until)

        assert outside == inside
        assert {each.name for opened in given.values() for each in opened} <= OPENED

    def test_nothing_opened_is_nothing_claimed(self, told: SimulatedOffice, tmp_path: Path) -> None:
        outside = monitor_export(reader(export_ledger(tmp_path / "log").path), {}, told.office.policies)

        verdicts = {result.rule.id: result.verdict for result in outside.results}
        assert verdicts["act-within-role"] == verdicts["not-for-oneself"] == "not-evaluated"
        assert verdicts["intent-has-outcome"] == verdicts["pack-in-force"] == "holds"

    def test_a_package_opens_its_search(self, office: SimulatedOffice, tmp_path: Path) -> None:
        lead = office.lead()
        request = lead.candidate.candidate_list.request
        disclosure = made(
            disclose(
                office.office,
                case_id=request.case_id,
                about=request.id,
                recipient="defence-1",
                authority=Authority(
                    "statute",
                    "18 U.S.C. 3500",
                    office.clock.now - timedelta(1),
                    office.clock.now + timedelta(9),
                ),
                contents=sorted(CONTENTS),
                by=office.who("dis"),
            )
        )
        package = write_discovery_package(
            office.office, disclosure_id=disclosure.id, folder=tmp_path / "package", by=office.who("dis")
        )
        assert isinstance(package, Package)
        openings = merged(openings_of_package(package.path))
        log = export_ledger(tmp_path / "log")

        said = monitor_export(reader(log.path), openings, office.office.policies)

        [exigent] = [r for r in said.results if r.rule.id == "disclosure-on-authority"]
        assert said.clean
        assert exigent.closed == (package.release_index,) or not exigent.closed
        [reviews] = [r for r in said.results if r.rule.id == "two-reviewers-before-lead"]
        assert reviews.checked == 1

    def test_a_foreign_opening_stops_it(self, told: SimulatedOffice, tmp_path: Path) -> None:
        """An opening of one entry, shown as another's."""
        given = self.all_openings(told)
        given[3], given[4] = given[4], given[3]

        with pytest.raises(HistoryNotSoundError, match="does not commit"):
            monitor_export(reader(export_ledger(tmp_path / "log").path), given, told.office.policies)

    def test_an_opening_beyond_the_log_opens_nothing(self, told: SimulatedOffice, tmp_path: Path) -> None:
        """The log went on between the export and the handing out."""
        log = reader(export_ledger(tmp_path / "log").path)
        given = self.all_openings(told)
        beyond = given | {10**6: given[3]}
        policies = told.office.policies

        assert monitor_export(log, beyond, policies) == monitor_export(log, given, policies)

    def test_two_openings_of_one_name_stop_it(self, told: SimulatedOffice, tmp_path: Path) -> None:
        given = self.all_openings(told)
        first = given[3][0]
        given[3] = [*given[3], Disclosure.make(first.name, "somebody else", salt=b"0" * 16)]

        with pytest.raises(HistoryNotSoundError, match="two openings"):
            monitor_export(reader(export_ledger(tmp_path / "log").path), given, told.office.policies)

    def test_a_changed_entry_stops_it_before_any_rule_runs(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        log = export_ledger(tmp_path / "log").path
        bundle = next(path for path in (log / "tile/entries").rglob("*") if path.is_file())
        bundle.write_bytes(bundle.read_bytes().replace(b"search.approved", b"search.approvex", 1))

        with pytest.raises(HistoryNotSoundError, match="bytes of the entry were changed"):
            monitor_export(reader(log), {}, told.office.policies)

    def test_another_key_stops_it(self, told: SimulatedOffice, tmp_path: Path) -> None:
        log = export_ledger(tmp_path / "log")
        other = log.vkey[:-6] + "AAAAA="

        with pytest.raises(HistoryNotSoundError, match="none that this log"):
            monitor_export(reader(log.path), {}, told.office.policies, vkey=other)

    def test_no_log_is_said(self, told: SimulatedOffice, tmp_path: Path) -> None:
        with pytest.raises(HistoryUnreadableError, match="no exported log"):
            monitor_export(reader(tmp_path), {}, told.office.policies)


class TestTables:
    def test_every_kind_has_its_roles(self) -> None:
        """Kinds of docs/reference/entries.md that are acts, and the codes that tell approvals apart."""
        # An audit office's own log has kinds of its own, below.
        page = KINDS.read_text("utf-8").split("\n## Kinds\n")[1].split("\n## Changing the form\n")[0]
        listed = {
            line.split("`")[1]
            for line in page.splitlines()
            if line.startswith("| `") and "." in line.split("`")[1] and "*" not in line.split("`")[1]
        }
        acts = {
            kind
            for kind in listed
            if not kind.endswith(("refused", "not-destroyed")) and not kind.startswith("record.not")
        }
        told = {kind.partition(":")[0] for kind in carrying_roles()}

        assert len(acts) > 100
        assert acts - told == set()
        assert told - acts == set()
        assert not (set(MOVES) & set(OWN) | set(OWN) & BY_ANYBODY | set(MOVES) & BY_ANYBODY)

    def test_monitors_ask_for_nothing_that_is_not_handed_out(
        self, told: SimulatedOffice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: set[str] = set()
        value, has = Line.value, Line.has

        def noted_value(line: Line, name: str) -> object:
            asked.add(name)
            return value(line, name)

        def noted_has(line: Line, name: str) -> bool:
            asked.add(name)
            return has(line, name)

        monkeypatch.setattr(Line, "value", noted_value)
        monkeypatch.setattr(Line, "has", noted_has)
        run_monitors(told.office)

        assert asked <= OPENED
        assert {"initiator", "target", "rows", "duties", "weighed", "authority_from"} <= asked


def test_the_same_line_says_the_same_twice(told: SimulatedOffice) -> None:
    """A run leaves nothing behind."""
    first, second = run_monitors(told.office), run_monitors(told.office)

    assert first.results == second.results
    assert replace(first, until=second.until) == second


def test_the_page_says_what_the_rules_say() -> None:
    """Each rule, its clause, its words and what it cannot see; the clauses exist."""
    page = " ".join((KINDS.parent / "monitors.md").read_text("utf-8").split())

    for made_rule in MONITORS:
        rule = made_rule.rule
        assert f"### `{rule.id}` Clause: `{rule.clause}`. {rule.says}" in page
        assert rule.blind[1:] in page
        assert POLICIES.clause(rule.clause).id == rule.clause
