"""Reads are sealed too: who looked at a probe, a photograph, a narrative, and why (R41)."""

import ast
from pathlib import Path

import pytest

import counterseal
from counterseal.casework.models import CandidateRow, SearchRequest
from counterseal.gateway.destroy import destroy
from counterseal.gateway.review import lock_review, open_review
from counterseal.gateway.view_records import BESIDE, Why, view_records
from counterseal.oversight.models import LogEntry, VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made

OPENS = {"open", "unseal", "sealed_bytes"}


@pytest.fixture
def narrative(office: SimulatedOffice) -> str:
    return str(office.searched(limit=2).candidate_list.request.narrative)


def seen(office: SimulatedOffice, by: str, why: str, *objects: str):
    return view_records(office.office, objects=objects, why=why, by=office.who(by))


def test_no_path_opens_the_vault_beside_the_one_that_seals() -> None:
    """Every other module that opens it is in the table, with its reason; and the table names no other."""
    root = Path(counterseal.__file__).parent
    opening = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in OPENS
                and ast.unparse(node.value).endswith("vault")
            ):
                opening.add(path.relative_to(root).as_posix())

    assert opening - {"gateway/view_records.py"} == set(BESIDE)
    assert "gateway/view_records.py" in opening
    assert all(len(reason) > 20 for reason in BESIDE.values())


class TestSealed:
    def test_who_what_class_and_why(self, office: SimulatedOffice, narrative: str) -> None:
        request = SearchRequest.objects.get(narrative=narrative)
        shown = made(seen(office, "ines", "case-work", narrative, request.probe.sent, narrative))

        assert shown[narrative] == office.office.vault.open(narrative)
        assert set(shown) == {narrative, request.probe.sent}
        last = office.entries()[-1]
        assert (last.kind, last.outcome) == ("record.viewed", "done")
        assert dict(last.public) == {"why": "case-work", "classes": ["narrative", "probe-sent"], "objects": 2}
        opened = office.opened(len(office.entries()) - 1)
        assert opened["initiator"] == office.who("ines")
        assert sorted(opened["viewed"]) == sorted(shown)  # type: ignore[call-overload]

    def test_what_cannot_be_sealed_is_not_shown(
        self, office: SimulatedOffice, narrative: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        size = LogEntry.objects.count()

        class BrokenError(Exception):
            """The checkpoint cannot be signed."""

        def broken(*_: object) -> None:
            raise BrokenError

        monkeypatch.setattr("counterseal.gateway.sealing.sign_checkpoint", broken)
        with pytest.raises(BrokenError):
            seen(office, "ines", "case-work", narrative)
        assert LogEntry.objects.count() == size

    @pytest.mark.parametrize("by", ["sol", "aud", "arc", "dis"])
    def test_offices_that_look_into_every_case(
        self, office: SimulatedOffice, narrative: str, by: str
    ) -> None:
        assert made(seen(office, by, "supervision", narrative))

    @pytest.mark.parametrize("by", ["ivan", "exa", "rue", "admin", "tess"])
    def test_a_stranger_to_the_case_sees_nothing_and_that_is_sealed(
        self, office: SimulatedOffice, narrative: str, by: str
    ) -> None:
        office.sealed_refusal(
            seen(office, by, "case-work", narrative), "vaultobject.refused", "D-026-11/security"
        )

    def test_nobody_and_nonsense(self, office: SimulatedOffice, narrative: str) -> None:
        with pytest.raises(BadInputError, match="no reason"):
            seen(office, "ines", "curiosity", narrative)
        with pytest.raises(BadInputError, match="no object"):
            seen(office, "ines", "case-work", "object-0")
        with pytest.raises(BadInputError, match="at least one"):
            seen(office, "ines", "case-work")
        with pytest.raises(BadInputError, match="holds a role"):
            view_records(office.office, objects=[narrative], why="case-work", by="person-0")

    def test_what_was_destroyed_is_not_seen(self, office: SimulatedOffice) -> None:
        item = office.item(office.case(), content=b"a statement")
        made(destroy(office.office, about=item.id, authority="order 3", by=office.who("arc")))
        gone = VaultObject.objects.get(about=item.id)

        with pytest.raises(DestroyedError):
            seen(office, "ines", "case-work", gone.id)


class TestReviewers:
    def test_only_what_is_on_ones_own_open_sheet(self, office: SimulatedOffice) -> None:
        """Looking for review must not become a way round the blind review."""
        listed = office.searched(limit=3).candidate_list
        sheet = made(open_review(office.office, list_id=listed.id, by=office.who("ines")))
        photographs = [photograph for _, photograph in sheet.items]
        foil = CandidateRow.objects.filter(candidate_list=listed, foil=True).first()

        assert set(made(seen(office, "ines", Why.REVIEW, sheet.probe, *photographs))) == {
            sheet.probe,
            *photographs,
        }
        assert isinstance(seen(office, "exa", Why.REVIEW, photographs[0]), Refusal), "no sheet of theirs"
        assert isinstance(seen(office, "sol", Why.REVIEW, photographs[0]), Refusal), "who reviews nothing"
        if foil is not None:
            assert isinstance(seen(office, "ines", Why.REVIEW, foil.photograph), Refusal), "not on this sheet"

    def test_a_locked_review_shows_nothing_any_more(self, office: SimulatedOffice) -> None:
        listed = office.searched(limit=2).candidate_list
        sheet = made(open_review(office.office, list_id=listed.id, by=office.who("ines")))
        for candidate, _ in sheet.items:
            from counterseal.gateway.review import dispose_of_candidate

            made(
                dispose_of_candidate(
                    office.office,
                    review_id=sheet.review_id,
                    candidate_id=candidate,
                    judgement="excluded",
                    by=office.who("ines"),
                )
            )
        made(lock_review(office.office, review_id=sheet.review_id, by=office.who("ines")))

        assert isinstance(seen(office, "ines", Why.REVIEW, sheet.probe), Refusal)
