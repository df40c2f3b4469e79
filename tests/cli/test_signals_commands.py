"""`counterseal signals` and `counterseal session`: exit codes and JSON."""

from calling import Run


def begun(run: Run, terminal: str) -> dict[str, object]:
    ran = run("session", "begin", "--factor", "password", "--terminal", terminal, "--json")
    assert ran.code == 0, ran.out
    assert len(ran.json["token"]) == 43
    return ran.json


def test_second_session_shows_what_it_did(run: Run) -> None:
    """Begin twice at two desks, disown the second, end the third."""
    first = begun(run, "desk-1")
    second = begun(run, "desk-2")
    listed = run("session", "list", "--of", "ines", "--json").json
    assert [s["ended_because"] for s in listed["sessions"]] == ["", "begun-elsewhere"]
    assert "token" not in str(listed)
    findings = run("finding", "list", "--json").json["findings"]
    assert [(f["kind"], f["about"]) for f in findings] == [("concurrent-session", first["id"])]

    assert run("session", "end", second["id"], "--as", "ivan", "--json").code == 1
    disowned = run("session", "disown", second["id"], "--words", "I was at lunch", "--json")
    assert disowned.code == 0
    assert run("session", "entries", second["id"], "--json").json["count"] == 0
    third = begun(run, "desk-1")
    assert run("session", "end", third["id"], "--json").code == 0
    assert run("session", "end", third["id"], "--json").code == 2
    assert run("session", "entries", "session-x", "--json").code == 2
    assert run("fsck", "--json").code == 0


def test_administrator_with_a_password_is_refused_with_the_clause(run: Run) -> None:
    ran = run("session", "begin", "--as", "admin", "--factor", "password", "--terminal", "d", "--json")

    assert (ran.code, ran.json["clauses"]) == (1, ["D-026-11/security"])


def test_signals_of_a_quiet_office(run: Run) -> None:
    """Nothing to look at; the run is sealed all the same, and an investigator may not ask for it."""
    ran = run("signals", "run", "--json")
    assert (ran.code, ran.json["count"], ran.json["opened"]) == (0, 0, 0)
    refused = run("signals", "run", "--as", "ines", "--json")
    assert (refused.code, refused.json["clauses"]) == (1, ["HSI-M/4E5-audits"])
    assert run("signals", "run", "--since", "2026-02-01", "--until", "2026-01-01", "--json").code == 2


def test_numbers_are_those_of_the_pack(run: Run) -> None:
    numbers = run("signals", "numbers", "--json").json

    assert (numbers["chance"], numbers["faces_of_a_case"], numbers["batch_within"]) == (
        "1/1000",
        3,
        "3600 seconds",
    )
    assert "social-media" not in numbers["fits"]["fraud"]
