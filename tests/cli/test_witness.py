"""The witness's commands: a witness is made, trusted, run and looked at; a log is cosigned and says how it stands."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import run_plain

import databases
from counterseal import bootstrap
from counterseal.gateway.admit_person import admit_person
from counterseal.ledger.checkpoint import Signer

GOPATH = Path(os.environ.get("GOLOG_GOPATH", "/usr/share/gocode"))
ORIGIN = "log.agency.example/faces"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    home = tmp_path_factory.mktemp("witness") / "home"
    office, admin = bootstrap.init_home(home, agency="Agency", origin=ORIGIN, administrator="Ada Example")
    bootstrap.close(office)
    return home, admin, office.signer.vkey


@pytest.fixture
def home(founded: tuple[Path, str, str], tmp_path: Path) -> Path:
    databases.copy_home(founded[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def folder(founded: tuple[Path, str, str], tmp_path: Path) -> Path:
    made = tmp_path / "w"
    assert run_plain("witness", "init", made, "--name", "inspector.example/w1").code == 0
    assert run_plain("witness", "trust", made, "--origin", ORIGIN, "--vkey", founded[2]).code == 0
    return made


@pytest.fixture
def running(folder: Path) -> Iterator[dict[str, str]]:
    """`counterseal witness run` as an operator starts it; ended by the signal that a service manager sends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "counterseal.cli.main", "witness", "run", str(folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())
    finally:
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
        assert (child.returncode, err) == (0, b"")


def name_witness(home: Path, running: dict[str, str]) -> None:
    (home / "witnesses.policy").write_text(
        f"# counts from 2026-01-01T00:00:00Z\nwitness ig {running['vkey']} {running['address']}\nquorum ig\n"
    )


def grow(home: Path, admin: str) -> None:
    office = bootstrap.open_office(home)
    admit_person(office, name="Pat Person", unit="Agency", by=admin)
    bootstrap.close(office)


def test_the_whole_way(founded, home, folder, running, tmp_path):
    """Unwitnessed, cosigned, grown, cosigned again; the receipt bears the quorum, and anybody can judge it."""
    before = run_plain("witness", "standing", "--home", home, "--json").json["witnessed"]
    assert (before["held"], before["uncosigned_entries"]) == (False, 1)
    name_witness(home, running)

    for entries in (1, 2):
        asked = run_plain("witness", "ask", "--home", home, "--json")
        assert (asked.code, asked.json["asked"][0]["outcome"]) == (0, "cosigned")
        assert asked.json["witnessed"]["held_size"] == entries
        grow(home, founded[1])

    behind = run_plain("witness", "standing", "--home", home, "--json").json["witnessed"]
    assert (behind["held"], behind["held_size"], behind["uncosigned_entries"]) == (False, 2, 1)
    receipt = run_plain("ledger", "receipt", 1, "--home", home, "--out", tmp_path / "r", "--json").json
    judged = run_plain(
        "witness",
        "judge",
        receipt["receipt_file"],
        "--policy",
        home / "witnesses.policy",
        "--vkey",
        founded[2],
        "--json",
    )
    assert (judged.code, judged.json["quorum"], judged.json["by"]) == (0, True, ["ig"])
    shown = run_plain("witness", "show", folder, "--json").json["logs"]
    assert [(log["origin"], log["size"], log["evidence"]) for log in shown] == [(ORIGIN, 2, 0)]


def test_uncosigned_is_shown_by_fsck_and_export(home, tmp_path):
    """Never passed over: also where no witness was ever named."""
    for words in (("fsck",), ("ledger", "export", tmp_path / "out")):
        said = run_plain(*words, "--home", home)
        assert said.code == 0
        assert "one key without witnesses can show two histories" in said.out
        assert run_plain(*words, "--home", home, "--json").json["witnessed"]["held"] is False


def test_export_with_cosignatures_verifies_offline(founded, home, running, tmp_path):
    name_witness(home, running)
    assert run_plain("witness", "ask", "--home", home).code == 0
    assert run_plain("ledger", "export", tmp_path / "out", "--home", home).code == 0

    assert b"inspector.example/w1" in (tmp_path / "out/checkpoint").read_bytes()
    assert run_plain("ledger", "verify", tmp_path / "out", "--vkey", founded[2]).code == 0


def test_export_with_cosignatures_is_read_by_go(founded, home, running, tmp_path):
    """Go's note package ignores the signatures of keys it does not know, as the text demands."""
    if shutil.which("go") is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("no Go compiler, or no golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)")
    name_witness(home, running)
    grow(home, founded[1])
    assert run_plain("witness", "ask", "--home", home).code == 0
    assert run_plain("ledger", "export", tmp_path / "out", "--home", home).code == 0
    assert b"inspector.example/w1" in (tmp_path / "out/checkpoint").read_bytes()

    tool = Path(__file__).parents[2] / "tools/verify_with_go"
    ran = subprocess.run(
        [tool, "-vkey", founded[2], tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_quorum_that_is_missing_too_long_alarms(home):
    assert run_plain("witness", "standing", "--home", home, "--alarm-after", 24).code == 0
    late = run_plain("witness", "standing", "--home", home, "--alarm-after", 0, "--json")

    assert (late.code, late.json["alarm"]) == (4, True)


def test_a_witness_that_is_not_there_is_no_quorum(home, folder):
    vkey = run_plain("witness", "show", folder, "--json").json["vkey"]
    name_witness(home, {"vkey": vkey, "address": "http://127.0.0.1:9"})
    asked = run_plain("witness", "ask", "--home", home, "--json")

    assert (asked.code, asked.json["asked"][0]["outcome"]) == (4, "unreachable")


def test_two_histories_end_with_code_3(founded, home, folder, running):
    """The same log grows another way in a copy, with the log's own key: both sides say so."""
    copy = home.with_name("copy")
    databases.copy_home(home, copy)
    for each in (home, copy):
        name_witness(each, running)
        grow(each, founded[1])
    grow(copy, founded[1])

    assert run_plain("witness", "ask", "--home", home).code == 0
    asked = run_plain("witness", "ask", "--home", copy, "--json")
    assert (asked.code, asked.json["asked"][0]["outcome"]) == (3, "fork")
    assert run_plain("witness", "show", folder).code == 3
    assert ORIGIN in run_plain("witness", "evidence", folder).out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("witness", "init", "{w}", "--name", "w.example/2"), 2, "not empty"),
        (("witness", "init", "{new}", "--name", "two words"), 2, "no key name"),
        (("witness", "show", "{new}"), 2, "witness init"),
        (("witness", "run", "{w}", "--port", "70000"), 2, "70000"),
        (("witness", "trust", "{w}", "--origin", ORIGIN), 2, "--vkey"),
        (("witness", "trust", "{w}", "--origin", "other.example/x", "--vkey", "{vkey}"), 2, "is of the log"),
        (("witness", "trust", "{w}", "--origin", ORIGIN, "--vkey", "nonsense"), 2, "verifier key"),
        (
            ("witness", "trust", "{w}", "--origin", "o", "--vkey", "{vkey}", "--from-size", "3"),
            2,
            "no key of `o`",
        ),
        (("witness", "judge", "{w}/witness.toml", "--policy", "{w}/witness.toml"), 2, "is none of"),
        (("witness", "ask", "--home", "{home}"), 2, "no witness is named"),
    ],
)
def test_bad_input_says_what_is_wrong(founded, home, folder, tmp_path, words, code, says):
    given = {"w": folder, "new": tmp_path / "new", "vkey": founded[2], "home": home}
    ran = run_plain(*(word.format(**given) for word in words), "--json")

    assert ran.code == code, ran.out
    assert says in ran.json["error"]["says"]


def test_a_key_that_replaces_the_last_one(founded, folder):
    new = Signer.from_seed(ORIGIN, b"\x11" * 32)
    words = ("witness", "trust", folder, "--origin", ORIGIN, "--vkey", new.vkey)

    assert run_plain(*words).code == 2
    assert run_plain(*words, "--from-size", 9, "--json").json["keys"] == 2


def test_lost_state_is_an_integrity_failure(folder):
    (folder / "state.sqlite3").unlink()

    assert run_plain("witness", "show", folder).code == 3
    ran = subprocess.run(
        [sys.executable, "-m", "counterseal.api.witness", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "new witness with a new key" in ran.stderr) == (3, True)
