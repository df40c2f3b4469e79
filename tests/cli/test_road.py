"""The whole road of one search through the command line, with --json; every command plays its part."""

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Ran, run_plain
from PIL import Image

import databases
from counterseal import bootstrap
from counterseal.cli.demo.synthetic_people import blurred_still, cartoon, group_photograph, people
from counterseal.cli.reference import all_commands
from counterseal.gateway.assess_use import COLUMNS
from counterseal.oversight.principles import PRINCIPLES
from office import NARRATIVE, person

ELSEWHERE = (
    "audit",
    "record",
    "policy",
    "witness",
    "supervise",
    "finding",
    "signals",
    "session",
    "inventory",
    "optout",
    "verify",
    "partner",
    "redress",
    "monitor",
    "oscal",
    "retention",
    "discovery",
    "public",
    "serve",
    "api",
    "evaluate",
)  # commands that have tests of their own
TODAY, YESTERDAY, LATER = "2026-01-02", "2026-01-01T08:00:00Z", "2099-01-01"
SUPPLIED = (
    "--kind", "third-party", "--made-by", "somebody", "--algorithm-version", "1", "--mode", "identification",
    "--standard", "made up", "--report", "none", "--passed",
    "--tested", f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}", "--due", LATER,
)  # fmt: skip
REQUEST = (
    "--purpose", "suspect-lead", "--narrative", NARRATIVE, "--relevant", "--necessary",
)  # fmt: skip


class Walk:
    """Calls commands in one home, checks each answer, and notes which were called."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.called: set[tuple[str, ...]] = set()
        self.names = {names for names, _ in all_commands()}

    def ran(self, *words: object, given: bytes | None = None) -> Ran:
        texts = tuple(map(str, words))
        name = texts[:2] if texts[:2] in self.names else texts[:1]
        assert name in self.names, texts
        ran = run_plain(*texts, "--json", "--home", self.home, given=given)
        if ran.code == 0:
            self.called.add(name)
        return ran

    def done(self, *words: object, given: bytes | None = None) -> dict[str, Any]:
        """What a command answers that is done."""
        ran = self.ran(*words, given=given)
        assert ran.code == 0, (words, ran.out, ran.err)
        assert ran.err == ""
        return ran.json

    def refused(self, *words: object) -> dict[str, Any]:
        """What a command answers that is refused: always the same shape."""
        ran = self.ran(*words)
        assert ran.code == 1, (words, ran.out, ran.err)
        answer = ran.json
        assert answer["decision"] == "refused"
        assert answer["unmet"]
        assert all(set(u) == {"clause", "missing", "remedy"} for u in answer["unmet"])
        return answer

    def bad(self, *words: object) -> str:
        """What is said of bad input."""
        ran = self.ran(*words)
        assert ran.code == 2, (words, ran.out, ran.err)
        return str(ran.json["error"]["says"])


@pytest.fixture
def walk(home: Path) -> Walk:
    return Walk(home)


def test_every_command_plays_its_part(walk: Walk, tmp_path: Path, photo: Path) -> None:
    """From admission to erasure; at the end every command was done at least once, but for those that have
    tests of their own."""
    done, refused = walk.done, walk.refused

    # People
    zoe = done("person", "admit", "Zoe Newcomer", "--unit", "Fraud")["id"]
    assert refused("person", "grant", zoe, "supervisor", "--as", "ines")["clauses"] == ["D-026-11/security"]
    done("person", "grant", zoe, "investigator")
    assert {"investigator"} == set(
        next(p for p in done("person", "list")["people"] if p["id"] == zoe)["roles"]
    )
    done("person", "grant", zoe, "auditor")
    done("person", "revoke", zoe, "auditor")
    refused("certify", "record", zoe, "--completed", TODAY, "--expires", LATER, "--as", "ines")
    done("certify", "record", zoe, "--completed", TODAY, "--expires", LATER)
    for kind in ("course", "best-practice", "safeguards"):
        assert done("certify", "attest", kind, "--as", zoe)["text"]
    done("certify", "examiner", "exa", "--authority", "Academy", "--expires", LATER)

    # Uses and services
    use = done("use", "propose", "Missing people", "--purpose", "find them", "--law-enforcement")["id"]
    assert refused("use", "concur", use, "--office", "privacy")["clauses"] == [
        "D-026-11/risk-assessment", "PS-139-06/eo-13960",
    ]  # fmt: skip
    risk = done(
        "use", "risk", use, "--risk", "the wrong person", "--mitigation", "two reviews", "--owner", "sol",
        "--due", LATER,
    )["id"]  # fmt: skip
    for principle in PRINCIPLES:
        done("use", "principle", use, principle, "--evidence", "file 7")
    assert done("use", "concur", use, "--office", "privacy")["use_status"] == "under-review"
    done("use", "concur", use, "--office", "civil-rights", "--as", "cora")
    last = done("use", "concur", use, "--office", "information-officer", "--as", "cio")
    assert last["use_status"] == "active"
    done("use", "close-risk", risk, "--evidence", "report 4")
    done("use", "suspend", use)
    assert done("use", "changed", use, "suspension", "--words", "the list was emptied")["round"] == 2
    existing = tmp_path / "existing.csv"
    existing.write_text(",".join(COLUMNS) + f"\nGate,check,verification,no,2024-01-01,{LATER}\n")
    assert done("use", "import", existing)["uses"][0]["status"] == "under-review"
    assert "on the register already" in walk.bad("use", "import", existing)
    document = tmp_path / "procedure.txt"
    document.write_text("Say: you may decline. Then a person looks.")
    entered = ("--document", document, "--made", YESTERDAY)
    assert done("use", "file-record", "Gate", "written-procedure", *entered)["line"] == "written-procedure"
    assert "hangs" in walk.bad("use", "file-record", "Gate", "sign", *entered)
    signed = tmp_path / "choices"
    done("optout", "list", "--out", signed)
    assert done("use", "file-list", "Gate", signed)["sequence"] == 1
    kept = done("use", "file", "Gate")
    assert (kept["compliant"], kept["list_state"], kept["of"]) == (False, "valid", 7)
    assert "law enforcement" in walk.bad("use", "file", use)
    shown = {u["name"]: u for u in done("use", "list")["uses"]}
    assert len(shown) == 3
    assert shown["Gate"]["days_left"] > 9000
    assert shown["Missing people"]["concurring"] == []
    done("program", "code", "FRS-TWO", "--from", TODAY, "--until", LATER)
    assert "FRS-TWO" in {c["code"] for c in done("program", "list")["codes"]}
    embedded = done("service", "list")["services"][0]["id"]
    second = done(
        "service", "register", "Second engine", "--operator", "us", "--algorithm", "x", "--algorithm-version", "1",
        "--images", "none", "--connector", "second", "--mode", "identification", "--case-type", "fraud",
        "--terms-version", "1", "--terms", "none", "--floor", "sharpness=20",
    )["id"]  # fmt: skip
    folder = Path(done("service", "connect", second)["folder"])
    assert (folder / "credential").stat().st_mode & 0o077 == 0
    assert "exists already" in walk.bad("service", "connect", second)
    barred = refused("service", "decide", second, "approved", "--expires", LATER)
    assert len(barred["unmet"]) == 7
    assert len(
        done(
            "service", "complete", second, "--contract", "7", "--gallery-legality", "consent", "--probe-retention",
            "none", "--security", "audited", "--breaches", "none known",
        )["missing"]
    ) == 2  # fmt: skip
    done(
        "service", "acquire", second, "--evidence", "file 8", "--supplied-test", "report 2", "--test-holds",
        "--contract-holds", "--findings", "looked at on site",
    )  # fmt: skip
    done("service", "test", second, *SUPPLIED)
    approved = done(
        "service",
        "decide",
        second,
        "approved-with-conditions",
        "--expires",
        LATER,
        "--only-case-type",
        "fraud",
    )
    assert approved["narrowed"] == {"case_types": ["fraud"]}
    assert done("service", "version", second, "2")["status"] == "suspended"
    done("service", "decide", second, "disapproved")
    trial = done(
        "service", "declare", "Faces Online", "--operator", "somebody", "--unit", "Fraud", "--how", "free-trial",
        "--found-by", "expenses", "--since", YESTERDAY, "--words", "a card paid for it",
    )["id"]  # fmt: skip
    assert [t["id"] for t in done("service", "list")["open_trials"]] == [trial]
    done("service", "close-trial", trial, "--outcome", "stopped")
    done("service", "test", embedded, *SUPPLIED)
    tests = done("service", "show", embedded)
    assert [t["kind"] for t in tests["tests"]] == ["third-party", "third-party"]
    assert {r["mode"]: r["status"] for r in tests["rests_on"]}["identification"] == "passed"
    assert done("service", "terms", embedded, "--as", zoe)["terms"]

    # A case, its evidence, its photographs
    case = done(
        "case", "open", "2026-77", "--type", "fraud", "--authority", "18 U.S.C. 1343", "--program-code", "FRS-2026",
        "--as", zoe,
    )["id"]  # fmt: skip
    done("case", "assign", "2026-77", "ines", "--as", zoe)
    footage = done(
        "evidence", "add", case, "--kind", "footage", "--source", "store-camera-still", "--basis", "consent-of-owner",
        "--obtained", TODAY, "--file", photo, "--as", zoe,
    )["id"]  # fmt: skip
    stated = (
        "--role", "suspect", "--depicts", "person-sought", "--basis", "observed-conduct", "--captured", YESTERDAY,
        "--no-live-feed", "--as", zoe,
    )  # fmt: skip
    several = tmp_path / "several.jpg"
    several.write_bytes(group_photograph(people(2)))
    assert refused("probe", "collect", footage, several, *stated)["failure_to_acquire"] == "several-faces"
    crops = [f["crop"] for f in done("probe", "faces", several)["faces"]]
    assert len(crops) == 2
    cropped = done("probe", "collect", footage, several, "--edit", crops[0], *stated)["id"]
    assert [e["kind"] for e in done("probe", "show", cropped)["edits"]] == ["crop"]
    probe = done("probe", "collect", footage, photo, *stated)["id"]

    # Refused, mended, run
    asked = done("search", "request", "--probe", probe, "--service", embedded, *REQUEST, "--as", zoe)["id"]
    assert "HSI-M/4A2-traditional-means" in refused("search", "run", asked, "--as", zoe)["clauses"]
    step = done(
        "case",
        "step",
        case,
        "--kind",
        "records-check",
        "--result",
        "nothing-found",
        "--taken",
        TODAY,
        "--as",
        zoe,
    )["id"]
    ran = done("search", "run", asked, "--as", zoe)
    assert ran["decision"] == "permitted"
    assert ran["candidates"] >= 5
    assert not any(word in json.dumps(ran) for word in ("synthetic-0", "score", "rank"))
    assert "already" in walk.bad("search", "run", asked, "--as", zoe)
    shown = done("search", "show", asked)
    assert shown["list"] == ran["list"]
    assert not any(word in json.dumps(shown) for word in ("synthetic-0", "score", "rank"))
    assert len(done("search", "list")["requests"]) == 1

    # A service used in exigency before anybody reviewed it opens a review; an approval after the fact
    third = done(
        "service", "register", "Third engine", "--operator", "us", "--algorithm", "x", "--algorithm-version", "1",
        "--images", "none", "--connector", "embedded", "--mode", "identification", "--case-type", "fraud",
        "--terms-version", "1", "--terms", "none",
    )["id"]  # fmt: skip
    done("service", "test", third, *SUPPLIED)
    done("service", "terms", third, "--as", zoe)
    exigent = walk.ran(
        "search", "new", "--probe", cropped, "--service", third, "--purpose", "suspect-lead", "--narrative",
        "A child was taken from the harbour school this morning; the caretaker photographed who drove the van",
        "--relevant", "--necessary", "--exigency-ground", "physical-harm", "--exigency-facts",
        "the caretaker saw the driver push the child into a grey van that left towards the motorway",
        "--exigency-why", "nobody with authority could be reached", "--as", zoe,
    )  # fmt: skip
    # Permitted and sealed; the connector then refuses an intent that addresses another service than its own.
    assert exigent.code == 4
    assert exigent.json["failed"]["code"] == "receipt-refused"
    granted = ("--kind", "exigent", "--grant", "--words", "The threat was real")
    refused("search", "approve", exigent.json["request"], *granted, "--as", zoe)
    assert done("search", "approve", exigent.json["request"], *granted)["granted"]
    done("lead", "none", exigent.json["request"], "--as", zoe)
    (opened,) = done("service", "list")["open_reviews"]
    assert opened["days_left"] >= 0
    refused("service", "review", opened["id"], "--outcome", "approved", "--expires", LATER)
    done("service", "review", opened["id"], "--outcome", "disapproved")
    theirs = tmp_path / "operator.csv"
    theirs.write_text(f"request,time,user\noff-book-1,{YESTERDAY},somebody\nnot a row\n")
    span = ("--since", "2025-12-01", "--until", "2026-03-01")
    differs = done("service", "reconcile", embedded, theirs, *span)
    assert (differs["theirs_only"], differs["malformed"], len(differs["new_findings"])) == (1, 1, 2)
    assert [row["row"] for row in differs["malformed_rows"]] == [3]
    assert done("service", "reconcile", embedded, theirs, *span)["new_findings"] == []

    # Review, twice, blind
    first = done("review", "open", ran["list"], "--out", tmp_path / "one", "--as", zoe)
    files = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert files == sorted([f"{i['candidate']}.png" for i in first["items"]] + [Path(first["probe"]).name])
    assert "not empty" in walk.bad("review", "open", ran["list"], "--out", tmp_path / "one", "--as", "exa")
    again = done("review", "sheet", first["review"], "--out", tmp_path / "again", "--as", zoe)
    assert [i["candidate"] for i in again["items"]] == [i["candidate"] for i in first["items"]]
    assert "after both" in walk.bad("review", "reveal", ran["list"], "--as", zoe)
    refused("lead", "mark", first["items"][0]["candidate"], "--as", zoe)
    mate = _alike(tmp_path / "one", first["items"])
    others = [i["candidate"] for i in first["items"] if i["candidate"] != mate]
    assert "no disposition" in walk.bad("review", "lock", first["review"], "--as", zoe)
    done("review", "dispose", first["review"], "excluded", *others, "--as", zoe)
    done("review", "dispose", first["review"], "potential-lead", mate, "--as", zoe)
    assert "already" in walk.bad("review", "dispose", first["review"], "excluded", mate, "--as", zoe)
    done("review", "lock", first["review"], "--as", zoe)
    refused("review", "open", ran["list"], "--out", tmp_path / "two", "--as", zoe)
    turn = done("review", "open", ran["list"], "--out", tmp_path / "two", "--as", "exa")
    foils = [i["candidate"] for i in turn["items"] if i["candidate"] != mate]
    done("review", "dispose", turn["review"], "potential-lead", mate, "--as", "exa")
    if foils:
        done("review", "dispose", turn["review"], "excluded", *foils, "--as", "exa")
    done("review", "lock", turn["review"], "--as", "exa")
    revealed = done("review", "reveal", ran["list"], "--as", zoe)["candidates"]
    assert [c["kept_by"] for c in revealed if c["candidate"] == mate] == [2]
    assert [c["rank"] for c in revealed if c["candidate"] == mate] == [1]

    # A lead, and what it can carry
    assert refused("lead", "mark", mate, "--as", zoe)["clauses"] == ["HSI-M/4D2-compare"]
    done(
        "lead", "compare", mate, "--result", "consistent", "--notes", "height and hair as described",
        "--with-step", step, "--as", zoe,
    )  # fmt: skip
    lead = done("lead", "mark", mate, "--as", zoe)["id"]
    done("lead", "note", lead, "ROI-1", "--as", zoe)
    item = ("evidence", "add", case, "--basis", "consent", "--obtained", TODAY, "--as", zoe)
    line_up = done(*item, "--kind", "line-up", "--source", "line-up", "--saw-offence")["id"]
    assert "saw-offence" in walk.bad(*item, "--kind", "line-up", "--source", "line-up")
    done("evidence", "relate", mate, "shown-to", line_up, "--as", zoe)
    done("evidence", "relate", line_up, "supports-offence", lead, "--as", zoe)
    clearance = (
        "action", "request", lead, "--kind", "arrest", "--location-check", "done", "--disclosure-text", "--as", zoe
    )  # fmt: skip
    no = refused(*clearance)
    assert no["independent_for_offence"] == 0
    assert [w["counts"] for w in no["weighed"]] == [False]
    print_ = done(*item, "--kind", "physical-evidence", "--source", "laboratory")["id"]
    done("evidence", "relate", print_, "supports-offence", lead, "--as", zoe)
    against = done("evidence", "relate", footage, "contradicts", lead, "--as", zoe)["id"]
    refused(*clearance)
    refused("evidence", "resolve", against, "--reasons", "it does not stand as it seemed", "--as", zoe)
    done("evidence", "resolve", against, "--reasons", "the clock of the camera was an hour late")
    action = done(*clearance)["id"]
    refused("action", "confirm", action, "--as", zoe)
    assert done("action", "confirm", action)["status"] == "cleared"
    assert done("action", "show", action)["independent_for_offence"] == 1
    assert done("lead", "show", lead)["weighed"]
    graph = done("evidence", "graph", case)
    assert {r["relation"] for r in graph["relations"]} == {"shown-to", "supports-offence", "contradicts"}
    handed = ("disclose", lead, "--case", case, "--recipient", "Harbour County Prosecutor")
    statute = ("--authority-kind", "statute", "--citation", "6 U.S.C. 1", "--from", TODAY, "--until", LATER)
    refused(*handed, *statute, "--until", "2026-01-03", "--content", "lead")
    assert done(*handed, *statute, "--content", "lead")["caveat"]
    done("lead", "close", lead, "--as", zoe)
    assert done("case", "show", case)["actions"]
    done("case", "close", case, "--as", zoe)
    assert len(done("case", "list")["cases"]) == 1

    # Gallery
    more = tmp_path / "more"
    more.mkdir()
    (more / "newcomer.jpg").write_bytes(person(9).photograph(0))
    (more / "cartoon.png").write_bytes(cartoon())
    (more / "blurred.jpg").write_bytes(blurred_still(person(0)))
    (more / "text.jpg").write_text("no picture")
    enrolled = done("gallery", "enrol", more)
    assert enrolled["enrolled"] == 1
    assert {f for files in enrolled["failures"].values() for f in files} == {
        "cartoon.png",
        "blurred.jpg",
        "text.jpg",
    }
    assert done("gallery", "enrol", more)["failures"]["already-enrolled"] == ["newcomer.jpg"]
    done("gallery", "withhold", "newcomer")
    assert [r["searchable"] for r in done("gallery", "list")["references"] if r["person"] == "newcomer"] == [
        False
    ]
    done("gallery", "restore", "newcomer")
    assert done("gallery", "erase", "newcomer")["complete"]
    assert "newcomer" not in json.dumps(done("gallery", "list"))
    refused("destroy", probe, "--authority", "schedule-7", "--as", "ines")
    assert done("destroy", probe, "--authority", "schedule-7")["objects"]
    assert "nothing" in walk.bad("destroy", probe, "--authority", "schedule-7")

    # The log
    decisions = done("clause", "HSI-M/4A2-traditional-means", "--latest", "3")["decisions"]
    assert len(decisions) == 3
    out = tmp_path / "out"
    exported = done("ledger", "export", out)
    assert set(exported) >= {"vkey", "tree_size", "path"}
    proof = done("ledger", "receipt", decisions[0]["index"], "--out", tmp_path / "proof", "--openings")
    assert proof["openings"]["initiator"]
    held = (
        "--vkey", exported["vkey"], "--receipt", proof["receipt_file"], "--entry", proof["entry_file"]
    )  # fmt: skip
    checked = done("ledger", "verify", out, *held)
    assert checked["ok"] and checked["tree_size"] == exported["tree_size"]
    older = tmp_path / "older"
    shutil.copy(out / "checkpoint", older)
    refused("ledger", "rotate-key", "--as", "ines")
    rotated = done("ledger", "rotate-key")
    assert not (walk.home / "keys/log.key.next").exists()
    done("ledger", "export", out)
    assert done("ledger", "verify", out, "--older", older)["vkey"] == rotated["vkey"]
    done("decide", "-", given=run_plain("decide", "--example", "verification").out.encode())
    sound = done("fsck", "--tiles", out)
    assert sound["sound"] and sound["tiles"] > 0

    done("search", "new", "--photo", photo, "--service", embedded)
    assert {names[0] for names in walk.names - walk.called} <= {"demo", "init", *ELSEWHERE}
    assert len(walk.called) >= 78


def test_a_changed_export_is_found(walk: Walk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    walk.done("ledger", "export", out)
    bundle = next((out / "tile/entries").rglob("0*.p/*"))
    bundle.write_bytes(bundle.read_bytes().replace(b"case", b"cafe", 1).replace(b"role", b"rule", 1))

    ran = walk.ran("ledger", "verify", out)

    assert ran.code == 3
    assert ran.json["failures"]
    plain = run_plain("ledger", "verify", out)
    assert plain.code == 3
    assert "DOES NOT HOLD" in plain.out


def test_a_changed_row_is_found(walk: Walk) -> None:
    with databases.raw(walk.home) as opened:
        opened.execute("UPDATE people_person SET name = 'Somebody Else' WHERE name LIKE 'Sol %'")

    ran = walk.ran("fsck")

    assert ran.code == 3
    assert "people.person" in json.dumps(ran.json["findings"])


class TestChangeOfKey:
    """A log whose new key is lost can never be written again."""

    def test_interrupted_after_the_log_named_the_new_key(
        self, walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever command comes next puts the key in place, and the log goes on under it."""

        def pull_the_plug(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as plug:
            plug.setattr(bootstrap, "install_log_key", pull_the_plug)
            assert walk.ran("ledger", "rotate-key").code == 130
        assert (walk.home / "keys/log.key.next").exists()

        walk.done("person", "admit", "Zoe", "--unit", "Fraud")

        assert not (walk.home / "keys/log.key.next").exists()
        assert walk.done("fsck")["sound"]
        walk.done("ledger", "export", tmp_path / "out")
        assert walk.done("ledger", "verify", tmp_path / "out")["ok"]

    def test_interrupted_before_the_log_named_it(self, walk: Walk) -> None:
        """The key that waits is taken by the next rotation."""
        (walk.home / "keys/log.key.next").write_bytes(bytes(range(32)))

        walk.done("person", "admit", "Zoe", "--unit", "Fraud")
        rotated = walk.done("ledger", "rotate-key")

        assert (walk.home / "keys/log.key").read_bytes() == bytes(range(32))
        assert rotated["from_size"] > 0
        assert walk.done("fsck")["sound"]

    def test_an_old_key_put_back_writes_nothing(self, walk: Walk) -> None:
        old = (walk.home / "keys/log.key").read_bytes()
        walk.done("ledger", "rotate-key")
        (walk.home / "keys/log.key").write_bytes(old)

        ran = walk.ran("person", "admit", "Zoe", "--unit", "Fraud")

        assert ran.code == 3
        assert "restore the key" in ran.json["error"]["says"]


def test_export_leaves_another_folder_alone(walk: Walk, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    assert "something else" in walk.bad("ledger", "export", tmp_path)
    assert "no exported log" in walk.bad("ledger", "verify", tmp_path)
    assert "no exported log" in walk.bad("fsck", "--tiles", tmp_path)


def test_a_receipt_beyond_the_log(walk: Walk) -> None:
    assert "no entry" in walk.bad("ledger", "receipt", 99_999)
    assert walk.bad("ledger", "receipt", "--", -1)
    assert walk.bad("ledger", "receipt", "first")


class TestOneGo:
    """`search new --photo`: a newcomer's first search, in an evaluation."""

    def test_the_other_photograph_of_a_person_comes_first(self, walk: Walk, photo: Path) -> None:
        ran = walk.done("search", "new", "--photo", photo, "--reveal-for-evaluation")

        assert ran["ranked"][0]["rank"] == 1
        assert ran["ranked"][0]["person"] == "synthetic-04"
        assert "evaluation only" in ran["for_evaluation"]
        assert walk.done("fsck")["sound"]

    def test_ranks_stay_hidden_unless_asked_for(self, walk: Walk, photo: Path) -> None:
        ran = walk.done("search", "new", "--photo", photo)

        assert ran["candidates"] == 8
        assert not any(word in json.dumps(ran) for word in ("synthetic-0", "score", "rank"))
        words = run_plain("search", "new", "--photo", photo, "--home", walk.home)
        assert words.code == 0
        assert "synthetic-0" not in words.out
        assert "counterseal review open" in words.out

    def test_one_to_one(self, walk: Walk, photo: Path) -> None:
        same = walk.done(
            "search", "new", "--photo", photo, "--mode", "verification", "--claim", "synthetic-04"
        )
        other = walk.done(
            "search", "new", "--photo", photo, "--mode", "verification", "--claim", "synthetic-05"
        )

        assert (same["comparison_decision"], other["comparison_decision"]) == ("match", "non_match")
        assert same["score"] < same["threshold"] < other["score"]

    def test_two_photographs(self, walk: Walk, photo: Path, tmp_path: Path) -> None:
        second = tmp_path / "second.jpg"
        second.write_bytes(person(3).photograph(1))

        ran = walk.done("search", "new", "--photo", photo, "--mode", "two-photographs", "--second", second)

        assert ran["comparison_decision"] == "match"

    @pytest.mark.parametrize(
        ("picture", "code"),
        [
            (group_photograph(people(3)), "several-faces"),
            (cartoon(), "no-face"),
            (b"text", "unsupported-type"),
            (b"", ""),
        ],
        ids=["group", "cartoon", "text", "empty"],
    )
    def test_what_is_no_single_face_is_refused(
        self, walk: Walk, tmp_path: Path, picture: bytes, code: str
    ) -> None:
        path = tmp_path / "picture"
        path.write_bytes(picture)

        refused = walk.refused("search", "new", "--photo", path)

        assert refused["failure_to_acquire"] == code or not code
        assert refused["clauses"] == ["HSI-M/2-probe"]

    def test_what_cannot_be_read_is_bad_input(self, walk: Walk, tmp_path: Path, photo: Path) -> None:
        assert walk.bad("search", "new", "--photo", tmp_path / "none.jpg")
        assert walk.bad("search", "new", "--photo", tmp_path)
        assert "no file" in walk.bad("search", "new", "--photo", "/dev/zero")
        assert walk.bad("search", "new")
        assert "--claim" in walk.bad("search", "new", "--photo", photo, "--mode", "verification")
        assert "--second" in walk.bad("search", "new", "--photo", photo, "--mode", "two-photographs")
        assert walk.bad("search", "new", "--photo", photo, "--limit", 51)

    def test_a_claim_that_nobody_holds(self, walk: Walk, photo: Path) -> None:
        ran = walk.ran("search", "new", "--photo", photo, "--mode", "verification", "--claim", "nobody")

        assert ran.code == 4
        assert ran.json["failed"]["code"] == "service-error"
        assert walk.done("fsck")["intents_without_outcome"] == []


def _alike(folder: Path, items: list[dict[str, Any]]) -> str:
    """The candidate whose photograph shows the person on the probe, told by eye: by the pixels enrolled."""
    enrolled = Image.open(io.BytesIO(person(3).photograph(0)))
    wanted = np.asarray(enrolled.convert("RGB").resize((40, 50)), dtype=float)

    def difference(item: dict[str, Any]) -> float:
        shown = Image.open(item["photograph"]).convert("RGB").resize((40, 50))
        return float(np.abs(np.asarray(shown, dtype=float) - wanted).mean())

    return str(min(items, key=difference)["candidate"])
