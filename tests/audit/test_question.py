"""Questions: by person, case, service, photograph, session, time, clause; the same numbers in JSON and CSV."""

import csv
import io
import json
from dataclasses import fields
from datetime import timedelta

import pytest
from beside import Audited

from counterseal.casework.models import CandidateRow, Case, Probe, SearchRequest
from counterseal.gateway.audit.ask import (
    OwnActError,
    ask,
    save_question,
    saved_question,
    saved_questions,
    view_object,
)
from counterseal.gateway.audit.question import Answer, Question, Row
from counterseal.gateway.destroy_openings import destroy_openings
from counterseal.ledger.entry import Disclosure, open_committed, read_entry
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.models import LogDisclosures, LogEntry, Service, VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.people.models import Person
from counterseal.terms.errors import BadInputError
from office import person


def answered(audited: Audited, by: str = "", **asked: object) -> Answer:
    photograph = asked.pop("file", None)
    question = Question(**asked)  # type: ignore[arg-type]
    return ask(audited.office, question, by=by or audited.first, photograph=photograph).answer  # type: ignore[arg-type]


def log() -> list[tuple[int, object, dict[str, object]]]:
    """Every entry with its openings, straight from the database: what an answer is held against."""
    openings = dict(LogDisclosures.objects.values_list("index", "encoded"))
    found = []
    for row in LogEntry.objects.order_by("index"):
        entry = read_entry(bytes(row.body))
        lines = openings.get(row.index, "")
        opened = open_committed(entry, [Disclosure.parse(x) for x in lines.split("\n")] if lines else [])
        found.append((row.index, entry, dict(opened)))
    return found


class TestParts:
    def test_a_person_acts_or_is_named(self, audited: Audited) -> None:
        ines = audited.agency.who("ines")
        wanted = [i for i, e, o in log() if ines in json.dumps([o, dict(e.public)])]

        got = answered(audited, person=ines)
        assert [row.index for row in got.rows] == wanted
        assert len(wanted) > 20
        name = Person.objects.get(pk=ines).name
        assert [r.index for r in answered(audited, person=name).rows] == wanted
        assert answered(audited, person="Nobody Known").rows == ()

    def test_a_case_with_everything_that_hangs_on_it(self, audited: Audited) -> None:
        case = Case.objects.earliest("opened_at")
        got = answered(audited, case=case.number)

        kinds = {row.kind for row in got.rows}
        assert {
            "case.opened", "step.recorded", "evidence.added", "probe.collected", "search.requested", "search.intent",
            "search.outcome", "review.opened", "candidate.disposed", "review.locked", "candidate.compared",
            "lead.marked", "lead.noted",
        } <= kinds  # fmt: skip
        assert [r.index for r in got.rows] == [r.index for r in answered(audited, case=case.id).rows]
        others = set(Case.objects.exclude(pk=case.pk).values_list("id", flat=True))
        opened = {row.target for row in got.rows if row.kind == "case.opened"}
        assert opened == {case.id}
        assert not others & {row.target for row in got.rows}
        requests = SearchRequest.objects.filter(case=case)
        assert {row.index for row in got.rows} >= {
            r.intent_index for r in requests if r.intent_index is not None
        }

    def test_a_service_and_its_searches(self, audited: Audited) -> None:
        service = Service.objects.get(pk=audited.agency.agency.service_id)
        intents = {
            r.intent_index
            for r in SearchRequest.objects.filter(service_id=service.id).exclude(intent_index=None)
        }

        got = answered(audited, service=service.name, kind="search.intent")
        assert {row.index for row in got.rows} == intents
        assert intents
        assert {"service.registered", "service.tested", "service.decided"} <= {
            row.kind for row in answered(audited, service=service.id).rows
        }

    def test_this_very_photograph_and_no_other(self, audited: Audited) -> None:
        picture = person(3).photograph(2)
        searched = {
            r.intent_index
            for r in SearchRequest.objects.filter(
                probe__fingerprint=audited.agency.office.fingerprint(picture)
            )
        } - {None}

        got = answered(audited, kind="search.intent", file=picture)
        assert {row.index for row in got.rows} == searched
        assert searched
        assert answered(audited, file=picture + b"\n").rows == ()
        assert {"probe.collected"} <= {row.kind for row in answered(audited, file=picture).rows}

    def test_the_photograph_itself_is_not_kept(self, audited: Audited) -> None:
        picture = person(3).photograph(2)
        answered(audited, file=picture)

        record = list(audited.office.log.records())[-1]
        said = record.opened["question"]
        assert said == {"photograph": audited.agency.office.fingerprint(picture)}

    def test_a_span_of_time_leaves_out_its_end(self, audited: Audited) -> None:
        entries = log()
        since, until = entries[10][1].at, entries[30][1].at  # type: ignore[attr-defined]
        wanted = [i for i, e, _ in entries if since <= e.at < until]  # type: ignore[attr-defined]

        assert [row.index for row in answered(audited, since=since, until=until).rows] == wanted
        assert 10 in wanted
        assert 30 not in wanted
        assert answered(audited, since=until, until=since).rows == ()

    def test_a_clause_that_permitted_or_refused(self, audited: Audited) -> None:
        got = answered(audited, clause="HSI-M/4C3")
        assert got.rows
        assert all(any(c.startswith("HSI-M/4C3-") for c in row.clauses) for row in got.rows)
        assert answered(audited, clause="HSI-M/4").rows == ()  # no section is called 4
        one = got.rows[0].clauses[0]
        assert [r.index for r in answered(audited, clause=one).rows] == [
            i
            for i, e, _ in log()
            if one in e.reason.clauses  # type: ignore[attr-defined]
        ]

    def test_a_session(self, audited: Audited) -> None:
        sessions = {str(o["session"]) for _, _, o in log() if o.get("session")}
        if not sessions:
            assert answered(audited, session="session-0").rows == ()
            return
        session = min(sessions)
        assert [r.index for r in answered(audited, session=session).rows] == [
            i for i, _, o in log() if o.get("session") == session
        ]

    def test_parts_are_joined_by_and(self, audited: Audited) -> None:
        ines = audited.agency.who("ines")
        case = Case.objects.earliest("opened_at")
        one = {row.index for row in answered(audited, person=ines).rows}
        other = {row.index for row in answered(audited, case=case.id).rows}
        refused = {row.index for row in answered(audited, outcome="done").rows}

        both = answered(audited, person=ines, case=case.id, outcome="done")
        assert {row.index for row in both.rows} == one & other & refused
        assert both.rows
        assert [r.index for r in answered(audited, entries=(7, 3)).rows] == [3, 7]

    def test_nothing_asked_is_bad_input(self, audited: Audited) -> None:
        with pytest.raises(BadInputError, match="at least one thing"):
            answered(audited)


class TestRows:
    def test_every_row_proves_itself(self, audited: Audited) -> None:
        got = answered(audited, kind="search")
        keys, origin = audited.office.agency, audited.agency.office.origin
        for row in got.rows:
            shown = verify_receipt(row.receipt.encode(), row.body.encode(), keys, origin)
            assert shown.index == row.index
            assert (shown.checkpoint.size, shown.checkpoint.root.hex()) == (got.tree_size, got.root)

    def test_csv_and_json_say_the_same(self, audited: Audited) -> None:
        """R46: for analysts the same numbers, cell by cell."""
        got = answered(audited, since=log()[0][1].at)  # type: ignore[attr-defined]
        as_json = json.loads(json.dumps(got.to_json()))["rows"]
        table = list(csv.DictReader(io.StringIO(got.to_csv(), newline="")))

        assert len(table) == len(as_json) == got.tree_size
        assert set(table[0]) == set(as_json[0]) == {f.name for f in fields(Row)}
        for cells, row in zip(table, as_json, strict=True):
            for name, value in row.items():
                said = cells[name]
                if isinstance(value, str):
                    assert said.removeprefix("'") == value.removeprefix("'")
                else:
                    assert json.loads(said) == value

    def test_no_cell_is_a_formula(self, audited: Audited) -> None:
        """Somebody wrote `=HYPERLINK(...)` where an auditor's spreadsheet reads it."""
        from counterseal.gateway.audit.question import _cell

        for begin in "=+-@\t\r":
            assert _cell(f"{begin}cmd").startswith("'")

    def test_names_are_those_of_the_time_or_none(self, audited: Audited) -> None:
        """R42: a name that was written over is not shown for what was done under another."""
        ines = audited.agency.who("ines")
        before = answered(audited, person=ines, kind="case")
        assert {row.by_name for row in before.rows if row.by == ines} == {"Ines Investigator"}
        Person.objects.filter(pk=ines).update(name="Somebody Else")

        after = answered(audited, person=ines, kind="case")
        assert {row.by_name for row in after.rows if row.by == ines} == {""}
        assert [row.index for row in after.rows] == [row.index for row in before.rows]

    def test_what_was_destroyed_is_counted_not_passed_over(self, audited: Audited) -> None:
        agency = audited.agency
        index = next(i for i, e, _ in log() if e.kind == "search.intent")  # type: ignore[attr-defined]
        case = str(log()[index][2]["case"])
        destroy_openings(
            agency.office, index=index, names=["case", "target"], authority="order 3", by=agency.who("arc")
        )

        got = answered(audited, session="session-nobody", kind="search.intent")
        assert got.rows == ()
        assert got.unopened == (index,)
        assert case


class TestOwnActs:
    def test_an_auditor_never_sees_what_they_did_themselves(self, audited: Audited) -> None:
        """Somebody else does; and how many were left out is said."""
        agency = audited.agency
        aud = agency.who("aud")
        agency.office.clock()
        from counterseal.gateway.holds import place_hold

        case = Case.objects.earliest("opened_at")
        hold = place_hold(agency.office, about=case.id, kind="audit", reason="an audit is under way", by=aud)
        seen = answered(audited, person=aud)
        own = answered(audited, person=aud, by=audited.own)

        made = {row.index for row in seen.rows if row.by == aud}
        assert made
        assert {row.index for row in own.rows} == {row.index for row in seen.rows} - made
        assert (own.own_acts, seen.own_acts) == (len(made), 0)
        reason = hold.reason  # type: ignore[union-attr]
        with pytest.raises(OwnActError, match="another auditor"):
            view_object(audited.office, object_id=reason, why="curious", by=audited.own)
        assert list(audited.office.log.records())[-1].entry.kind == "audit.refused"
        assert view_object(audited.office, object_id=reason, why="duty", by=audited.first).data


class TestObjects:
    def test_an_object_is_shown_after_its_read_is_sealed(self, audited: Audited) -> None:
        request = SearchRequest.objects.filter(narrative__gt="").earliest("entry_index")
        seen = view_object(audited.office, object_id=request.narrative, why="complaint 3", by=audited.first)

        assert seen.data == audited.agency.office.vault.open(request.narrative)
        record = list(audited.office.log.records())[-1]
        assert (record.entry.kind, record.says("target")) == ("audit.viewed", request.narrative)
        assert (record.says("class"), record.says("why")) == ("narrative", "complaint 3")

    def test_what_does_not_open_is_sealed_too(self, audited: Audited) -> None:
        gone = VaultObject.objects.exclude(destroyed_at=None).earliest("created_at")

        with pytest.raises(DestroyedError):
            view_object(audited.office, object_id=gone.id, why="w", by=audited.first)
        assert list(audited.office.log.records())[-1].entry.outcome == "not-opened"
        with pytest.raises(BadInputError, match="holds no object"):
            view_object(audited.office, object_id="x", why="w", by=audited.first)
        with pytest.raises(BadInputError, match="say why"):
            view_object(audited.office, object_id=gone.id, why=" ", by=audited.first)


class TestSaved:
    def test_a_saved_question_comes_back_as_it_was(self, audited: Audited) -> None:
        at = audited.agency.clock.now
        question = Question(
            person="p",
            case="c",
            clause="HSI-M/4A1",
            kind="search",
            since=at - timedelta(3),
            until=at,
            entries=(3, 1),
        )
        save_question(audited.office, name="weekly", question=question, by=audited.first)

        assert saved_question(audited.again(), "weekly") == question
        save_question(audited.office, name="weekly", question=Question(kind="case"), by=audited.first)
        assert saved_questions(audited.again()) == {"weekly": Question(kind="case")}
        with pytest.raises(BadInputError, match="no question"):
            saved_question(audited.office, "monthly")
        with pytest.raises(BadInputError, match="asks something"):
            save_question(audited.office, name="x", question=Question(), by=audited.first)


def test_the_story_has_what_these_questions_need(audited: Audited) -> None:
    """An empty agency would pass all of them."""
    assert audited.agency.fsck().sound
    assert Probe.objects.count() > 1
    assert CandidateRow.objects.exists()
