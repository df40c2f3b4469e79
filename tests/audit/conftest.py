"""Fixtures of the audit's tests: an agency in which the whole story was told, and an audit office beside it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))
sys.path.insert(0, str(Path(__file__).parent))

from beside import NAME, Audited
from whole_story import tell

from counterseal import bootstrap
from counterseal.gateway.audit.auditors import admit_auditor
from office import open_copy


@pytest.fixture(scope="session")
def audited_template(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole story, and an audit office, once a session."""
    place = tmp_path_factory.mktemp("audited")
    with open_copy(office_template, place / "home") as opened:
        tell(opened)
    return place


@pytest.fixture
def audited(audited_template: Path, tmp_path: Path) -> Iterator[Audited]:
    """A fresh agency and a fresh audit office for this test alone."""
    with open_copy(audited_template / "home", tmp_path / "home") as agency:
        office, first = bootstrap.make_audit_office(
            tmp_path / "audit",
            name=NAME,
            home=tmp_path / "home",
            vkey=agency.office.signer.vkey,
            auditor="Olive Outside",
        )
        own = admit_auditor(office, name="Aud Auditor", persons=[agency.who("aud")], by=first)
        yield Audited(office, agency, first, own.id)
