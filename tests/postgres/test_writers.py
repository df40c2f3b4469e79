"""Two application processes on one server: kills, a crash of the server, a lost connection, a lost answer."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from cluster import Cluster
from crowd import Crowd, opened, request
from django.db import connection
from records import calls, database, entry, request_row, tree_size
from workers import Line, Nursery, nursery

import databases
from counterseal.gateway.export_ledger import entry_of
from counterseal.gateway.run_fsck import run_fsck
from counterseal.gateway.sealing import SealingError, UnknownOutcomeError, change
from counterseal.oversight.models import LogEntry
from office import SimulatedOffice

FOUR = range(4)


def sound(home: Path) -> None:
    """Everything against everything."""
    with opened(home) as office:
        report = run_fsck(office)
    assert report.sound, report.log.findings


def steps(*running: Nursery) -> list[Line]:
    """What was acknowledged, by whichever process."""
    return [line for one in running for line in one.said if line.word == "ack" and line.rest[0] == "step"]


def all_are_there(home: Path, acknowledged: list[Line]) -> None:
    """Each acknowledged step is a row, sealed by the entry that was named; no entry is missing or double."""
    assert acknowledged
    with database(home) as raw:
        size = tree_size(raw)
        (entries,) = raw.execute("SELECT count(*) FROM oversight_logentry").fetchone()
        rows = dict(raw.execute("SELECT id, entry_index FROM casework_investigativestep").fetchall())
    assert entries == size
    assert {line.rest[1]: int(line.rest[2]) for line in acknowledged}.items() <= rows.items()
    assert len({line.rest[2] for line in acknowledged}) == len(acknowledged)


def more(one: Nursery, acks: int) -> None:
    """Listen until this many more acknowledgements came from this process."""
    wanted, silent = len(steps(one)) + acks, 0
    while len(steps(one)) < wanted:
        silent = 0 if one.listen(0.02) else silent + 1
        assert silent < 1500, "nobody says anything any more"


def test_one_of_two_processes_is_killed_at_random_instants(crowd: Crowd, home: Path) -> None:
    """Nothing acknowledged is lost, whoever is killed wherever; the other goes on."""
    dice = Random(20261121)
    with nursery(home) as one, nursery(home) as other:
        stays = [other.fork("append", who=4 + n, count=10_000) for n in FOUR]
        killed = []
        for _ in range(12):
            victim = one.fork("append", who=dice.randrange(4), count=10_000)
            more(one, dice.randrange(1, 6))
            one.kill(victim)
            killed.append(one.reap(victim))
            more(other, 3)
        for pid in stays:
            other.kill(pid)
            other.reap(pid)
        assert killed == [9] * 12
        assert not [line for running in (one, other) for line in running.said if line.word == "unexpected"]
        acknowledged = steps(one, other)
    all_are_there(home, acknowledged)
    sound(home)


def test_a_search_killed_between_any_two_steps(crowd: Crowd, home: Path) -> None:
    """What was acknowledged is there; the service is never asked without an intent."""
    marks = ("intent.clock", "intent.policies", "intent.open", "intent.token", "intent.sign", "intent.asking",
             "outcome.answered", "outcome.clock", "outcome.put", "outcome.token", "outcome.sign")  # fmt: skip
    with nursery(home) as running:
        for n, mark in enumerate(marks):
            crash = {"mark": mark, "how": "end"}
            pid = running.fork("searches", who=n % 8, count=1, crash=crash)
            assert running.reap(pid) == 9, mark
        said = [line for line in running.said if line.word == "ack"]
    intents = {line.rest[1]: int(line.rest[2]) for line in said if line.rest[0] == "intent"}
    assert len(intents) == len(marks) - 5  # killed before it was acknowledged
    with database(home) as raw:
        for name, index in intents.items():
            assert request_row(raw, name) == ("submitted", index)
            assert (entry(raw, index) or {})["kind"] == "search.intent"
        asked = {call.index for call in calls(home)}
        assert asked <= set(intents.values())
    sound(home)


def test_two_processes_decide_on_one_request(crowd: Crowd, home: Path) -> None:
    """Eight supervisors, four in each process, at one moment: one approval, seven who hear that it was decided."""
    with opened(home) as office:
        asked = request(office, crowd, crowd.requesters[0])
    with nursery(home) as one, nursery(home) as other:
        pids = [
            (
                running,
                running.fork("approve_one", wait=True, request=asked.id, by=crowd.supervisors[n + 4 * k]),
            )
            for k, running in enumerate((one, other))
            for n in FOUR
        ]
        one.go()
        other.go()
        assert [running.reap(pid) for running, pid in pids] == [0] * 8
        said = [line for running in (one, other) for line in running.said if line.word == "result"]
    assert Counter(line.rest[0] for line in said) == {"approved": 1, "stale": 7}
    with database(home) as raw:
        approvals = raw.execute(
            "SELECT count(*) FROM casework_approval WHERE request_id = ?", [asked.id]
        ).fetchone()
    assert approvals == (1,)
    sound(home)


def test_two_processes_submit_one_request(crowd: Crowd, home: Path) -> None:
    """One intent, one call, one outcome."""
    who = crowd.requesters[0]
    with opened(home) as office:
        asked = request(office, crowd, who)
    with nursery(home) as one, nursery(home) as other:
        pids = [
            (running, running.fork("submit_one", wait=True, request=asked.id, by=who.person))
            for running in (one, other)
            for _ in FOUR
        ]
        one.go()
        other.go()
        assert [running.reap(pid) for running, pid in pids] == [0] * 8
        said = [line for running in (one, other) for line in running.said if line.word == "result"]
    assert Counter(line.rest[0] for line in said) == {"Answered": 1, "stale": 7}
    with database(home) as raw:
        status, intent = request_row(raw, asked.id) or ("", None)
        assert status == "answered"
        assert intent is not None
        assert (entry(raw, intent) or {})["kind"] == "search.intent"
    sound(home)


def test_the_server_crashes_under_load(crowd: Crowd, home: Path, cluster: Cluster) -> None:
    """Workers hear of it and end; what was acknowledged is there when the server is back; work goes on."""
    with nursery(home) as one, nursery(home) as other:
        for crash in range(2):
            pids = [
                (running, running.fork("append", who=4 * k + n, count=10_000))
                for k, running in enumerate((one, other))
                for n in FOUR
            ]
            more(one, 10 + 7 * crash)
            cluster.stop("immediate")
            try:
                assert [running.reap(pid) for running, pid in pids] == [0] * 8
            finally:
                cluster.start()
            said = [line for running in (one, other) for line in running.said if line.word == "unexpected"]
            assert len(said) == 8 * (crash + 1)
            assert {line.rest[0] for line in said} <= {"SealingError", "UnknownOutcomeError"}
            all_are_there(home, steps(one, other))
            sound(home)


class TestConnection:
    def test_lost_in_the_middle_of_a_change(self, office: SimulatedOffice) -> None:
        """Nothing of it exists, the caller hears so, and the next change is made on a new connection."""
        before = LogEntry.objects.count()

        with pytest.raises(SealingError, match="was not made"), change(office.office) as now:
            now.seal("drill.held", by="p", action="a", target="t", outcome="passed")
            databases.admin().execute(
                "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
            )
            LogEntry.objects.count()

        assert LogEntry.objects.count() == before
        office.case()
        assert office.fsck().sound

    def test_lost_between_two_changes(self, office: SimulatedOffice) -> None:
        """The first change after it is not made, and says so; the second is made on a new connection."""
        before = LogEntry.objects.count()
        pid = connection.connection.info.backend_pid
        databases.admin().execute("SELECT pg_terminate_backend(%s)", [pid])

        with pytest.raises(SealingError, match="was not made"), change(office.office) as now:
            now.seal("drill.held", by="p", action="a", target="t", outcome="passed")

        with change(office.office) as now:
            assert now.next_index == before
            now.seal("drill.held", by="p", action="a", target="t", outcome="passed")
        assert office.fsck().sound

    def _loses(self, monkeypatch: pytest.MonkeyPatch, *, made: bool, then: Any = lambda: None) -> None:
        """The next commit's answer does not arrive; made: whether the server carried it out."""
        server = connection.connection
        commit, rollback = server.commit, server.rollback

        def lost() -> None:
            commit() if made else rollback()
            monkeypatch.undo()
            then()
            server.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(server, "commit", lost)

    @pytest.mark.parametrize("made", [True, False])
    def test_answer_to_the_commit_lost(
        self, office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch, made: bool
    ) -> None:
        """It is looked up: made means made, and not made is said."""
        index = LogEntry.objects.count()
        self._loses(monkeypatch, made=made)

        def seal() -> None:
            with change(office.office) as now:
                now.seal("drill.held", by="p", action="a", target="t", outcome="passed")

        if made:
            seal()
            assert b"drill.held" in entry_of(index)[0]
        else:
            with pytest.raises(SealingError, match="was not made"):
                seal()
        assert LogEntry.objects.count() == index + made
        assert office.fsck().sound

    def test_answer_lost_and_the_server_gone(
        self, office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
    ) -> None:
        """Nobody can tell, and that is what is said, with the entry to look for."""
        index = LogEntry.objects.count()
        self._loses(monkeypatch, made=True, then=lambda: cluster.stop("immediate"))
        try:
            with (
                pytest.raises(UnknownOutcomeError, match=rf"nobody can tell .* entry {index} "),
                change(office.office) as now,
            ):
                now.seal("drill.held", by="p", action="a", target="t", outcome="passed")
        finally:
            cluster.start()

        assert b"drill.held" in entry_of(index)[0]
        assert office.fsck().sound

    def test_a_writer_that_stopped_gives_its_place_back(self, office: SimulatedOffice) -> None:
        """An idle transaction is ended by the server: the limit is set where the place is taken."""
        with change(office.office) as now, connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == ("1min",)
            now.seal("drill.held", by="p", action="a", target="t", outcome="passed")
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == ("0",)
