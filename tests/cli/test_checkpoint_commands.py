"""A checkpoint, its choices and partner agencies through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from calling import Ran, Run, run_plain

from counterseal.cli.reference import all_commands
from counterseal.connectors.embedded import GalleryDesk
from office import NARRATIVE, person

COMMANDS = {names for names, _ in all_commands() if names[0] in ("optout", "verify", "partner")}
ALTERNATIVE = "An officer looks at your document by eye, at the desk on the left"


@pytest.fixture
def gate(home: Path, run: Run) -> Run:
    """A boarding gate, made through the command line."""
    from counterseal import bootstrap
    from counterseal.cli.demo import agency

    use = done(
        run("use", "propose", "Boarding", "--purpose", "check at the gate", "--not-law-enforcement", "--json")
    )
    office = bootstrap.open_office(home)
    agency.assess(office, use["id"], agency.roster().people)
    bootstrap.close(office)
    for short, said_for in (("pat", "privacy"), ("cora", "civil-rights"), ("cio", "information-officer")):
        done(run("use", "concur", "Boarding", "--office", said_for, "--as", short, "--json"))
    done(run("service", "terms", "--as", "gail", "--json"))
    stated = done(
        run(
            *("verify", "terms", "--use", "Boarding", "--setting", "boarding"),
            *("--alternative", ALTERNATIVE, "--keep", "verified:gate=12", "--json"),
        )
    )
    assert stated["keep_hours"] == {"verified": {"gate": 12}}
    return run


def done(ran: Ran, code: int = 0) -> dict[str, Any]:
    assert ran.code == code, (ran.out, ran.err)
    return ran.json


def reference(home: Path, n: int) -> str:
    desk = GalleryDesk(home / "services/embedded")
    try:
        (found,) = [r.reference_id for r in desk.references() if r.person_id == person(n).person_id]
    finally:
        desk.close()
    return found


def test_there_are_so_many_commands() -> None:
    assert len(COMMANDS) == 16


def test_a_gate_from_the_choice_to_the_figures(home: Path, gate: Run, photo: Path, tmp_path: Path) -> None:
    """verify claim, optout register, check, done, complain, figures, withdraw."""
    claim = (
        "verify",
        "claim",
        "--use",
        "Boarding",
        "--claim",
        reference(home, 3),
        "--photograph",
        photo,
        "--told",
    )
    verified = done(gate(*claim, "--json"))
    assert (verified["outcome"], verified["threshold"]) == ("verified", 0.45)
    assert verified["kept_until"]
    assert verified["receipt"].startswith("c2sp.org/tlog-proof")

    code = done(gate("optout", "register", "--booking", "-", "--json", given=b"qx7 p2l\n"))["code"]
    # The file is not even there: nobody opens it.
    absent = (*claim[:6], "--photograph", tmp_path / "absent.jpg", "--told")
    for choice in (("--no",), ("--signed-no",), ("--booking", "QX7P2L"), ("--receipt", code)):
        declined = done(gate(*absent, *choice, "--json"), 1)
        assert declined["clauses"] == ["D-026-11/opt-out"]
        assert (declined["alternative"], declined["honoured"]) == (ALTERNATIVE, True)
    assert gate(*absent, "--json").code == 2
    done(gate("optout", "done", declined["entry"], "--json"))

    check = ("optout", "check", "--use", "Boarding", "--told")
    assert done(gate(*check, "--booking", "QX7P2L", "--json"), 1)["via"] == "list"
    assert done(gate(*check, "--booking", "OTHER1", "--json"))["declined"] is False
    said = gate(
        "optout",
        "complain",
        "--use",
        "Boarding",
        "--about",
        "pressed",
        "--words",
        "-",
        "--json",
        given=b"why\n",
    )
    assert done(said)["about"] == "pressed"
    figures = done(gate("optout", "figures", "--use", "Boarding", "--json"))
    # Of eight checks one was followed by a comparison, and one by no picture at all.
    assert (figures["checks"], figures["honoured"], figures["overruled"]) == (8, 4, 0)
    assert figures["declined"] == {"list": 3, "no": 1, "signed-no": 1}
    assert figures["complaints"] == {"pressed": 1}
    assert figures["alternative_seconds"]["count"] == 1

    done(gate("optout", "withdraw", "-", "--json", given=code.encode()))
    assert done(gate(*check, "--booking", "QX7P2L", "--json"))["declined"] is False
    assert gate("optout", "withdraw", code, "--json").code == 2
    done(gate("fsck", "--json"))


def test_another_face_and_no_face(home: Path, gate: Run, tmp_path: Path) -> None:
    """Exit code 1 and the alternative, whatever the reason."""
    other, nothing = tmp_path / "other.jpg", tmp_path / "nothing.jpg"
    other.write_bytes(person(5).photograph(2))
    nothing.write_bytes(b"no picture")
    claim = ("verify", "claim", "--use", "Boarding", "--claim", reference(home, 3), "--told", "--json")

    assert done(gate(*claim, "--photograph", other), 1)["outcome"] == "not-verified"
    assert "failure_to_acquire" in done(gate(*claim, "--photograph", nothing), 1)
    told = done(gate(*claim, "--photograph", other, "--liveness", "suspicious"), 1)
    assert told["clauses"] == ["D-026-11/def-face-capture"]
    assert all(
        done(gate(*claim, "--photograph", p), 1)["alternative"] == ALTERNATIVE for p in (other, nothing)
    )
    assert gate(*claim, "--photograph", other, "--no", "--signed-no").code == 2
    unknown = (*claim[:4], "--claim", "reference-none", "--told", "--json", "--photograph", other)
    assert done(gate(*unknown), 4)["alternative"] == ALTERNATIVE


def test_who_may_decline_is_said(run: Run, home: Path) -> None:
    """The words follow the data file (R65)."""
    assert "Everyone may decline" in run("optout", "who").out
    composed = home / "policies/composition.toml"
    composed.write_text(composed.read_text().replace('"beyond-the-text"', ""))

    assert done(run("optout", "who", "--json"))["who_may"] == "us-citizens"
    assert "nobody is asked to prove citizenship" in run("optout", "who").out


class TestWithoutAConnection:
    @pytest.fixture
    def program(self, run: Run, tmp_path: Path) -> dict[str, Any]:
        """A program with its key and a list on which one booking stands."""
        done(run("optout", "register", "--booking", "QX7P2L", "--json"))
        key, issued = tmp_path / "token.key", tmp_path / "choices.txt"
        done(run("optout", "key", "--program", "ferry-line", "--out", key, "--json"))
        answer = done(run("optout", "list", "--out", issued, "--json"))
        assert (key.stat().st_mode & 0o777, answer["sequence"], answer["count"]) == (0o600, 1, 2)
        return {"key": key, "list": issued, "vkey": answer["verifier_key"], "seen": tmp_path / "seen.json"}

    def look_up(self, program: dict[str, Any], *references: str, at: str = "2026-01-01", **other: Any) -> Ran:
        p = program | other
        return run_plain(
            *("optout", "look-up", p["list"], "--verifier-key", p["vkey"], "--token-key", p["key"]),
            *("--seen", p["seen"], "--at", at, "--json", *references),
        )

    def now(self, program: dict[str, Any]) -> str:
        return next(
            line.removeprefix("issued ")
            for line in program["list"].read_text().split("\n")
            if line.startswith("issued")
        )

    def test_it_finds_the_choice_and_only_that(self, program):
        at = self.now(program)
        assert done(self.look_up(program, "--booking", "qx7-p2l", at=at), 1)["declined"] is True
        assert done(self.look_up(program, "--booking", "OTHER1", at=at))["declined"] is False
        assert json.loads(program["seen"].read_text())["sequence"] == 1
        assert self.look_up(program, at=at).code == 2

    def test_stale_forged_truncated_and_rolled_back_are_refused(self, program, run, tmp_path):
        """Exit code 2, and it says why; nothing is answered about the choice."""
        at, found = self.now(program), ("--booking", "QX7P2L")
        data = program["list"].read_bytes()
        cut, forged, newer = tmp_path / "cut", tmp_path / "forged", tmp_path / "newer.txt"
        cut.write_bytes(data[:-120])
        forged.write_bytes(data.replace(b"sequence 1", b"sequence 9"))
        done(run("optout", "list", "--out", newer, "--json"))
        refused = {
            "ran out": self.look_up(program, *found, at="2099-01-01"),
            "end in a signature": self.look_up(program, *found, at=at, list=cut),
            "was changed": self.look_up(program, *found, at=at, list=forged),
        }
        done(self.look_up(program, *found, at=self.now(program | {"list": newer}), list=newer), 1)
        refused["older than list 2"] = self.look_up(program, *found, at=at)

        for says, ran in refused.items():
            assert ran.code == 2
            assert says in ran.json["error"]["says"]

    def test_files_are_not_written_over_and_a_wrong_key_is_said(self, program, run, tmp_path):
        assert run("optout", "list", "--out", program["list"], "--json").code == 2
        assert run("optout", "key", "--program", "x", "--out", program["key"], "--json").code == 2
        for wrong in ("zz", "00"):
            bad = tmp_path / f"bad-{wrong}"
            bad.write_text(wrong)
            ran = self.look_up(program, "--booking", "QX7P2L", at=self.now(program), key=bad)
            assert (ran.code, "64 hex digits" in ran.json["error"]["says"]) == (2, True)

    def test_a_gate_operator_gets_neither(self, run, tmp_path):
        assert run("optout", "list", "--out", tmp_path / "l", "--as", "gail", "--json").code == 1
        assert (
            run("optout", "key", "--program", "x", "--out", tmp_path / "k", "--as", "gail", "--json").code
            == 1
        )
        assert not (tmp_path / "l").exists()
        assert not (tmp_path / "k").exists()


def test_face_analysis_is_refused_by_name(gate: Run) -> None:
    asked = (
        "verify",
        "analyse",
        "--use",
        "Boarding",
        "--operation",
        "age-estimation",
        "--case-type",
        "boarding",
    )
    assert "D-026-11/no-face-analysis" in done(gate(*asked, "--json"), 1)["clauses"]
    approved = done(
        gate("verify", "approve-age-estimation", "--use", "Boarding", "--office", "privacy", "--json")
    )
    assert approved["office"] == "privacy"
    assert gate(*asked, "--json").code == 1


def test_a_search_on_behalf_of_a_partner(run: Run, photo: Path) -> None:
    """partner record and list, search request --on-behalf-of."""
    dates = ("--from", "2026-01-01", "--until", "2099-01-01")
    words = ("--kind", "agreement", "--citation", "Agreement 2026-14", *dates)
    free = done(run("partner", "record", "city-police", *words, "--json"))
    barred = done(run("partner", "record", "county-sheriff", *words, "--bars", "*", "--json"))
    assert run("partner", "record", "x", *words, "--runs", "nonsense", "--json").code == 2
    listed = done(run("partner", "list", "--json"))["agreements"]
    assert [(a["agency"], a["bars"]) for a in listed] == [("city-police", []), ("county-sheriff", ["*"])]

    asked = ("search", "new", "--photo", photo, "--purpose", "suspect-lead", "--json")
    refused = run(*asked, "--narrative", NARRATIVE, "--on-behalf-of", barred["id"])
    assert done(refused, 1)["clauses"] == ["HSI-M/3-sharing"]
    done(run(*asked, "--narrative", f"{NARRATIVE} told anew", "--on-behalf-of", free["id"]))
