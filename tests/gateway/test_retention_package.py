"""The discovery package: whole, marked on every page, under a permitted disclosure, and verifiable offline."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.gateway.destroy import destroy
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.discovery_package import CONTENTS, Package, write_discovery_package
from counterseal.gateway.review import CAVEAT, open_review
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Disclosure
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made, open_copy


def disclosed(
    office: SimulatedOffice, answered: Answered, *, contents: list[str] | None = None
) -> Disclosure:
    """A permitted disclosure to the defence, for nine days."""
    return made(
        disclose(
            office.office,
            case_id=answered.request.case_id,
            about=answered.request.id,
            recipient="defence counsel",
            authority=Authority(
                "statute",
                "18 U.S.C. 3500",
                office.clock.now - timedelta(days=1),
                office.clock.now + timedelta(days=9),
            ),
            contents=sorted(CONTENTS) if contents is None else contents,
            by=office.who("dis"),
        )
    )


def verify(folder: Path, *more: str) -> tuple[int, dict[str, list[str]]]:
    """The package's own verifier, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder), "--json", *more],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, json.loads(ran.stdout)


@pytest.fixture(scope="module")
def written(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Package, str]:
    """A package of a search that was reviewed twice; its folder, what was said of it, the log's key."""
    place = tmp_path_factory.mktemp("package")
    with open_copy(office_template, place / "home") as office:
        answered = office.searched(limit=3)
        office.kept(answered)
        disclosure = disclosed(office, answered)
        package = made(
            write_discovery_package(
                office.office, disclosure_id=disclosure.id, folder=place / "package", by=office.who("dis")
            )
        )
        assert office.fsck().sound
        return place / "package", package, office.office.signer.vkey


@pytest.fixture
def package(written: tuple[Path, Package, str], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(written[0], tmp_path / "copy")
    return tmp_path / "copy"


class TestWhole:
    def test_holds_everything_that_went_in_and_came_out(self, written: tuple[Path, Package, str]) -> None:
        """Probe, service, tests, the list as returned with those nobody chose, both reviews, packs."""
        folder, said, _ = written
        report = json.loads((folder / "report.json").read_text("utf-8"))

        returned = [c for c in report["candidates"] if "rank" in c["shown_as"]]
        assert len(returned) == 3
        assert len(report["candidates"]) > 3, "foils are there, and marked"
        assert all((folder / c["photograph"]).is_file() for c in report["candidates"])
        assert (folder / report["probe"]["original"]).stat().st_size > 1000
        assert [r["turn"] for r in report["reviews"]] == [1, 2]
        assert all(r["locked_at"] and r["judgements"] for r in report["reviews"])
        assert report["error_rates"]["tests_at_the_time"][0]["report"]
        assert {"search.requested", "search.intent", "search.outcome", "information.disclosed"} <= {
            e["kind"] for e in report["policy"]
        }
        assert all(e["pack"].startswith("sha256:") for e in report["policy"])
        assert said.entries == len(list((folder / "entries").glob("*.receipt.txt"))) + 1

    def test_every_file_that_people_read_carries_caveat_and_record(
        self, written: tuple[Path, Package, str]
    ) -> None:
        """Also each part of the page, in case it is printed alone."""
        folder, said, _ = written
        for name in ("README.txt", "report.html", "report.json", "manifest.json"):
            text = (folder / name).read_text("utf-8")
            assert CAVEAT in text, name
            assert said.record in text, name
        page = (folder / "report.html").read_text("utf-8")
        assert page.count(CAVEAT) == page.count("<h2>") > 8
        assert "EVALUATION" in page

    def test_verifies_offline(self, written: tuple[Path, Package, str]) -> None:
        folder, _, vkey = written
        assert verify(folder)[0] == 0
        code, said = verify(folder, "--vkey", vkey)
        assert (code, said["failures"]) == (0, [])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _reseal(folder: Path) -> None:
    """A clever forger changes a file and the manifest with it."""
    import hashlib

    (folder / "report.json").write_bytes(b"{}")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["report.json"] = hashlib.sha256(b"{}").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _drop_candidate(folder: Path) -> None:
    next((folder / "photographs").glob("candidate-3*")).unlink()


def _swap_openings(folder: Path) -> None:
    one, other = sorted((folder / "entries").glob("*.openings.json"))[:2]
    one.write_bytes(other.read_bytes())


class TestSpoilt:
    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (lambda f: _flip(next((f / "photographs").glob("probe-original*"))), "it was changed"),
            (_drop_candidate, "it is missing"),
            (lambda f: (f / "photographs/extra.png").write_bytes(b"x"), "not in the manifest"),
            (_reseal, "another manifest"),
            (lambda f: _flip(sorted((f / "entries").glob("?*.json"))[0]), "changed"),
            (_swap_openings, "not of this entry"),
            (lambda f: _flip(f / "release.json"), "release.json"),
        ],
    )
    def test_is_found_and_named(self, package: Path, spoil: Callable[[Path], None], says: str) -> None:
        spoil(package)
        code, said = verify(package)

        assert code == 3
        assert any(says in failure for failure in said["failures"]), said

    def test_another_key_does_not_hold(self, package: Path, office: SimulatedOffice) -> None:
        """Under another log's key nothing in it is proved."""
        from counterseal.ledger.checkpoint import Signer

        other = Signer.from_seed(office.office.origin, b"\x07" * 32)
        code, said = verify(package, "--vkey", other.vkey)
        assert code == 3
        assert any("did not sign" in failure for failure in said["failures"])

    def test_nothing_to_check_is_not_sound(self, tmp_path: Path, package: Path) -> None:
        shutil.copy(package / "verify.py", tmp_path / "verify.py")
        assert verify(tmp_path)[0] == 2


class TestOnlyUnderADisclosure:
    def test_authority_that_ran_out_gets_nothing(self, office: SimulatedOffice, tmp_path: Path) -> None:
        """Asked again when it is written, not only when it was permitted."""
        answered = office.searched(limit=2)
        disclosure = disclosed(office, answered)
        office.clock.forward(days=10)
        refusal = write_discovery_package(
            office.office, disclosure_id=disclosure.id, folder=tmp_path / "p", by=office.who("dis")
        )

        office.sealed_refusal(refusal, "disclosure.refused", *refusal.clauses)  # type: ignore[union-attr]
        assert "HSI-M/3-sharing" in refusal.clauses  # type: ignore[union-attr]
        assert not (tmp_path / "p").exists()

    def test_who_may_not_disclose_gets_nothing(self, office: SimulatedOffice, tmp_path: Path) -> None:
        disclosure = disclosed(office, office.searched(limit=2))
        refusal = write_discovery_package(
            office.office, disclosure_id=disclosure.id, folder=tmp_path / "p", by=office.who("ines")
        )

        office.sealed_refusal(refusal, "disclosure.refused", *refusal.clauses)  # type: ignore[union-attr]
        assert not (tmp_path / "p").exists()

    def test_bad_input_says_what_is_wrong(self, office: SimulatedOffice, tmp_path: Path) -> None:
        answered = office.searched(limit=2)
        less = disclosed(office, answered, contents=["lead"])
        whole = disclosed(office, answered)
        (tmp_path / "full").mkdir()
        (tmp_path / "full/x").touch()

        def write(disclosure: str, folder: str = "p") -> object:
            return write_discovery_package(
                office.office, disclosure_id=disclosure, folder=tmp_path / folder, by=office.who("dis")
            )

        for disclosure, folder, says in (
            ("disclosure-x", "p", "there is no"),
            (less.id, "p", "does not name `candidate-list`"),
            (whole.id, "full", "not empty"),
        ):
            with pytest.raises(BadInputError, match=says):
                write(disclosure, folder)
        made(open_review(office.office, list_id=answered.candidate_list.id, by=office.who("ines")))
        with pytest.raises(BadInputError, match="wait until it is locked"):
            write(whole.id)
        assert not (tmp_path / "p").exists()

    def test_what_was_destroyed_is_listed(self, office: SimulatedOffice, tmp_path: Path) -> None:
        """Never left out in silence; and the package still verifies."""
        answered = office.searched(limit=2)
        candidate = office.candidate(answered, 2)
        disclosure = disclosed(office, answered)
        made(destroy(office.office, about=candidate.id, authority="order-1", by=office.who("arc")))
        made(
            write_discovery_package(
                office.office, disclosure_id=disclosure.id, folder=tmp_path / "p", by=office.who("dis")
            )
        )
        report = json.loads((tmp_path / "p/report.json").read_text("utf-8"))

        assert report["destroyed"] == [f"candidate-2 ({candidate.photograph})"]
        assert verify(tmp_path / "p")[0] == 0
