"""A package of an audit: checked by one file of Python, and every way to spoil it is found and named."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from beside import NAME, Audited

from counterseal import bootstrap
from counterseal.casework.models import Case, SearchRequest
from counterseal.connectors.witnesses import HasSize, Lines, WitnessAnswer
from counterseal.gateway.audit.package import AuditPackage, write_audit_package
from counterseal.gateway.audit.question import Question
from counterseal.gateway.cosign import POLICY, cosign
from counterseal.gateway.export_ledger import key_history
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.witness_folder import init_witness
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.cosignature import split_lines
from counterseal.ledger.witness import Witness
from counterseal.oversight.models import LogEntry
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import open_copy


def verify(folder: Path, *more: str) -> tuple[int, dict]:
    """The package's own verifier, in a Python that knows nothing of us."""
    ran = subprocess.run(
        [sys.executable, "-I", folder / "verify.py", "--json", *more],
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, json.loads(ran.stdout)


@pytest.fixture(scope="module")
def written(
    audited_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, AuditPackage, str, str]:
    """A package of one case after a change of the log's key, cosigned by a witness; and both keys."""
    place = tmp_path_factory.mktemp("package")
    with open_copy(audited_template / "home", place / "home") as agency:
        vkey = agency.office.signer.vkey
        office, first = bootstrap.make_audit_office(
            place / "audit", name=NAME, home=place / "home", vkey=vkey, auditor="Olive"
        )
        new = Signer.from_seed(agency.office.origin, b"\x51" * 32)
        assert not isinstance(rotate_log_key(agency.office, new=new, by=agency.who("admin")), Refusal)
        later = replace(agency.office, signer=new)
        heads = init_witness(place / "witness", "witness.example/w1")
        heads.trust(key_history())

        def asked(_: str, body: bytes) -> WitnessAnswer:
            said = Witness(
                heads.cosigner, heads.keys_of, heads.store, lambda: int(agency.clock().timestamp())
            ).add_checkpoint(body)
            return HasSize(int(said.body)) if said.status == 409 else Lines(split_lines(said.body))

        (place / "home" / POLICY).write_text(
            f"# counts from 2020-01-01T00:00:00Z\nwitness w1 {heads.vkey} https://w.example\nquorum w1\n"
        )
        assert cosign(later, ask=asked).standing.held
        case = Case.objects.earliest("opened_at")
        request = SearchRequest.objects.filter(case=case).earliest("entry_index")
        size = LogEntry.objects.count()
        made = write_audit_package(
            office,
            question=Question(case=case.number),
            objects=[request.narrative, request.probe.original],
            recipient="the inspector general",
            folder=place / "package",
            by=first,
        )
        assert LogEntry.objects.count() == size, "the agency's log shows nothing of it"
        record = list(office.log.records())[-1]
        assert (record.index, record.opened["manifest"]) == (made.sealed_at, made.manifest)
        return place / "package", made, vkey, office.signer.vkey


@pytest.fixture
def package(written: tuple[Path, AuditPackage, str, str], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(written[0], tmp_path / "copy")
    return tmp_path / "copy"


class TestWhole:
    def test_it_verifies_with_both_keys_brought(self, written: tuple[Path, AuditPackage, str, str]) -> None:
        folder, made, vkey, release = written
        code, said = verify(folder, "--vkey", vkey, "--release-vkey", release)

        assert (code, said["failures"]) == (0, []), said
        assert any("witness.example/w1" in held for held in said["held"])
        assert made.entries == len(list((folder / "entries").glob("*.receipt.txt"))) > 10
        assert len(list((folder / "objects").iterdir())) == 2
        assert len(list((folder / "rotations").iterdir())) == 2
        answer = json.loads((folder / "answer.json").read_bytes())
        assert len(answer["rows"]) == made.entries
        assert len((folder / "answer.csv").read_text("utf-8").splitlines()) >= made.entries + 1

    def test_with_one_key_brought_the_other_is_asked_for(
        self, written: tuple[Path, AuditPackage, str, str]
    ) -> None:
        """Else whoever handed it over could have sealed another manifest in a log of their own."""
        folder, _, vkey, _ = written
        code, said = verify(folder, "--vkey", vkey)
        assert code == 3
        assert any("--release-vkey" in failure for failure in said["failures"])
        code, said = verify(folder)
        assert code == 0
        assert "trust" in said["trust"]

    def test_other_keys_do_not_hold(self, written: tuple[Path, AuditPackage, str, str]) -> None:
        folder, _, vkey, release = written
        name = vkey.partition("+")[0]
        assert (
            verify(folder, "--vkey", Signer.from_seed(name, b"\x07" * 32).vkey, "--release-vkey", release)[0]
            == 3
        )
        assert (
            verify(folder, "--vkey", vkey, "--release-vkey", Signer.from_seed(NAME, b"\x07" * 32).vkey)[0]
            == 3
        )


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _again(folder: Path) -> None:
    """A clever forger makes the manifest anew."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"] = {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
        and not p.name.startswith(("release.json", "release.receipt", "release.open", "manifest"))
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _other_row(folder: Path) -> None:
    path = folder / "answer.csv"
    path.write_text(path.read_text("utf-8").replace("permitted", "refused"))
    _again(folder)


def _dropped(folder: Path) -> None:
    for path in sorted((folder / "entries").glob("*"))[:3]:
        path.unlink()
    _again(folder)


def _foreign_key(folder: Path) -> None:
    keys = json.loads((folder / "keys.json").read_bytes())
    name = keys["keys"][0]["vkey"].partition("+")[0]
    keys["keys"][1]["vkey"] = Signer.from_seed(name, b"\x07" * 32).vkey
    (folder / "keys.json").write_text(json.dumps(keys))
    _again(folder)


def _foreign_witness(folder: Path) -> None:
    _flip(next((folder / "entries").glob("*.receipt.txt")))
    _again(folder)


class TestSpoilt:
    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (lambda f: _flip(next((f / "objects").iterdir())), "it was changed"),
            (lambda f: next((f / "objects").iterdir()).unlink(), "it is missing"),
            (lambda f: (f / "objects/more.txt").write_bytes(b"x"), "not in the manifest"),
            (_other_row, "another manifest"),
            (_dropped, "another manifest"),
            (lambda f: shutil.rmtree(f / "rotations"), "key from"),
            (lambda f: _flip(next((f / "rotations").glob("*.json"))), "key from"),
            (_foreign_key, "key from"),
            (_foreign_witness, "receipt.txt"),
            (lambda f: _flip(f / "release.json"), "release.json"),
            (lambda f: _flip(f / "release.receipt.txt"), "release.json"),
            (lambda f: (f / "release.vkey").write_bytes((f / "log.vkey").read_bytes()), "release.vkey"),
            (lambda f: (f / "witnesses.json").write_bytes(b"[]\n"), "witnesses.json: it was changed"),
        ],
    )
    def test_is_found_and_named(
        self,
        written: tuple[Path, AuditPackage, str, str],
        package: Path,
        spoil: Callable[[Path], None],
        says: str,
    ) -> None:
        _, _, vkey, release = written
        spoil(package)
        code, said = verify(package, "--vkey", vkey, "--release-vkey", release)

        assert code == 3, said
        # A spoilt receipt is named by its entry, a spoilt file by itself.
        assert any(says in failure or says == "receipt.txt" for failure in said["failures"]), said

    def test_a_false_cosignature_is_no_cosignature(
        self, written: tuple[Path, AuditPackage, str, str], package: Path
    ) -> None:
        """Somebody writes a witness's name on a line of their own."""
        for path in (package / "entries").glob("*.receipt.txt"):
            head, _, tail = path.read_text("utf-8").rpartition("\n\n")
            lines = tail.split("\n")
            at = next(n for n, line in enumerate(lines) if "witness.example/w1" in line)
            lines[at] = lines[at][:-12] + ("A" if lines[at][-12] != "A" else "B") + lines[at][-11:]
            path.write_text(head + "\n\n" + "\n".join(lines))
        code, said = verify(package)
        assert code == 3
        assert not any("witness.example/w1" in held for held in said["held"]), said


def test_what_cannot_be_packed(audited: Audited, tmp_path: Path) -> None:
    arguments: dict[str, object] = {
        "question": Question(kind="search"),
        "recipient": "a court",
        "folder": tmp_path / "p",
        "by": audited.first,
    }
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    for more, says in (
        ({"folder": tmp_path / "full"}, "not empty"),
        ({"recipient": " "}, "who gets it"),
        ({"question": Question(case="x")}, "nothing to hand on"),
        ({"objects": ["object-0"]}, "no object"),
        ({"by": audited.agency.who("aud")}, "no auditor"),
    ):
        with pytest.raises(BadInputError, match=says):
            write_audit_package(audited.office, **(arguments | more))  # type: ignore[arg-type]
    assert not (tmp_path / "p").exists()
