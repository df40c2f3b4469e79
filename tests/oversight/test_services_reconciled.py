"""The operator's own log against ours: every line and every intent ends in exactly one place."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.gateway.reconcile_service import Outcome, reconcile_service, sealed_intents
from counterseal.oversight.models import Finding
from counterseal.oversight.reconciliation import Line, read_operator_log, reconcile
from counterseal.terms.errors import BadInputError
from office import person

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
INSTANTS = st.integers(-40 * 24, 60 * 24).map(lambda hours: SINCE + timedelta(hours=hours))
REQUESTS = st.sampled_from([f"request-{n}" for n in range(12)])
OURS = st.dictionaries(REQUESTS, INSTANTS, max_size=12)
THEIRS = st.lists(st.tuples(REQUESTS, INSTANTS), max_size=20).map(
    lambda rows: [Line(n, request, at, "u") for n, (request, at) in enumerate(rows, start=2)]
)


class TestOneToOne:
    @given(OURS, THEIRS)
    def test_every_line_ends_in_exactly_one_place(self, ours, theirs):
        result = reconcile(ours, theirs, since=SINCE, until=UNTIL)

        places = [
            *(line for _, line in result.paired),
            *result.theirs_only,
            *result.doubled,
            *result.outside,
        ]
        assert sorted(line.row for line in places) == [line.row for line in theirs]

    @given(OURS, THEIRS)
    def test_every_intent_of_the_time_is_paired_once_or_ours_only(self, ours, theirs):
        result = reconcile(ours, theirs, since=SINCE, until=UNTIL)

        paired = [request for request, _ in result.paired]
        assert len(paired) == len(set(paired))
        assert not set(paired) & set(result.ours_only)
        assert {r for r, at in ours.items() if SINCE <= at < UNTIL} <= {*paired, *result.ours_only}
        assert all(SINCE <= ours[request] < UNTIL for request in result.ours_only)

    @given(OURS, THEIRS)
    def test_nothing_sealed_is_called_off_the_books_and_nothing_off_the_books_is_paired(self, ours, theirs):
        result = reconcile(ours, theirs, since=SINCE, until=UNTIL)

        assert all(line.request not in ours for line in (*result.theirs_only, *result.outside))
        assert all(request == line.request in ours for request, line in result.paired)

    @given(OURS)
    def test_the_same_log_agrees(self, ours):
        theirs = [Line(n, request, at, "u") for n, (request, at) in enumerate(ours.items(), start=2)]

        result = reconcile(ours, theirs, since=SINCE, until=UNTIL)

        assert (result.ours_only, result.theirs_only, result.doubled, result.outside) == ((), (), (), ())

    @given(OURS.filter(bool), st.data())
    def test_one_line_taken_out_is_ours_only(self, ours, data):
        gone = data.draw(st.sampled_from(sorted(ours)))
        theirs = [Line(2, request, at, "u") for request, at in ours.items() if request != gone]

        result = reconcile(ours, theirs, since=SINCE, until=UNTIL)

        assert result.ours_only == ((gone,) if SINCE <= ours[gone] < UNTIL else ())


class TestReading:
    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ("request-1,2026-01-02T03:04:05Z", "2 cells"),
            (",2026-01-02T03:04:05Z,u", "request id"),
            ("=cmd,2026-01-02T03:04:05Z,u", "request id"),
            ("request-1,2026-01-02 03:04:05,u", "no instant"),
            ("request-1,2026-13-02T03:04:05Z,u", "does not exist"),
        ],
    )
    def test_a_row_that_is_no_search_is_named_and_the_others_are_read(self, row, why):
        log = read_operator_log(
            f"request,time,user\nrequest-0,2026-01-02T03:04:05Z,u\n{row}\nrequest-2,2026-01-02T03:04:05+02:00,u\n".encode()
        )

        assert [line.row for line in log.lines] == [2, 4]
        assert [(m.row, why in m.why) for m in log.malformed] == [(3, True)]
        assert log.lines[1].at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("data", "match"),
        [
            (b"", "empty"),
            (b"request,time\n", "row 1 .* not so: user"),
            (b"request,request,time,user\n", "not so: request"),
            (b"request,time,user\nrequest-1,\xff,u\n", "not UTF-8 in row 2"),
            (b'request,time,user\n"open', "row 2 .* no CSV"),
        ],
    )
    def test_what_is_no_such_file_says_where_it_fails(self, data, match):
        with pytest.raises(BadInputError, match=match):
            read_operator_log(data)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, data):
        try:
            log = read_operator_log(b"request,time,user\n" + data)
        except BadInputError:
            return
        rows = [line.row for line in log.lines] + [m.row for m in log.malformed]
        assert len(rows) == len(set(rows))


class TestSealed:
    def log(self, office, *requests: str) -> bytes:
        at = office.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return "".join(["request,time,user\n", *(f"{r},{at},agent\n" for r in requests)]).encode()

    def run(self, office, log: bytes, *, by: str = "rue"):
        return reconcile_service(
            office.office,
            service_id=office.agency.service_id,
            log=log,
            since=office.clock.now - timedelta(hours=1),
            until=office.clock.now,
            by=office.who(by),
        )

    def test_missing_doubled_and_foreign_rows_are_findings_once(self, office):
        first = office.searched(limit=2).request.id
        second = office.searched(
            limit=2, photograph=person(4).photograph(2), purpose=office.another_reason()
        ).request.id
        assert set(sealed_intents(office.agency.service_id)) == {first, second}
        log = self.log(office, first, first, "request-foreign") + b"torn\n"
        office.clock.forward(minutes=1)

        done = self.run(office, log)

        assert isinstance(done, Outcome)
        assert sorted((f.kind, f.about == second) for f in done.new) == [
            ("operator-log-doubled", False),
            ("operator-log-malformed", False),
            ("operator-log-ours-only", True),
            ("operator-log-theirs-only", False),
        ]
        assert not any("agent" in f.says or "foreign" in f.says for f in done.new)
        entry = office.entries()[-1]
        assert (entry.kind, entry.outcome) == ("service.reconciled", "differs")
        assert entry.public == {
            "service": office.agency.service_id,
            "paired": 1,
            "ours_only": 1,
            "theirs_only": 1,
            "doubled": 1,
            "malformed": 1,
        }
        assert office.office.vault.open(done.record.log) == log
        count = Finding.objects.count()

        again = self.run(office, log)

        assert (again.new, Finding.objects.count()) == ((), count)
        assert office.fsck().sound

    def test_the_same_searches_agree(self, office):
        log = self.log(office, office.searched(limit=2).request.id)
        office.clock.forward(minutes=1)

        assert self.run(office, log).new == ()
        assert office.entries()[-1].outcome == "agrees"

    def test_an_investigator_reconciles_nothing(self, office):
        office.sealed_refusal(
            self.run(office, self.log(office), by="ines"), "reconciliation.refused", "HSI-M/4E1-log"
        )

    def test_a_time_that_is_not_over_is_bad_input(self, office):
        with pytest.raises(BadInputError, match="not over yet"):
            reconcile_service(
                office.office,
                service_id=office.agency.service_id,
                log=self.log(office),
                since=SINCE,
                until=office.clock.now + timedelta(days=1),
                by=office.who("rue"),
            )
