"""What the tests of the room share: the shipped packs, the examples, and packs with a planted fault."""

import copy
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from counterseal.policy import PolicyLibrary, authorise, instant_of, load_policies
from counterseal.terms.decisions import Decision

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
EXAMPLES = ROOT / "examples"

Request = dict[str, Any]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def library() -> PolicyLibrary:
    return load_policies(POLICIES)


@pytest.fixture(scope="session")
def examples() -> Mapping[str, Request]:
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(EXAMPLES.glob("permitted-*.json"))
    }


@pytest.fixture
def search(examples: Mapping[str, Request]) -> Request:
    """A permitted search, to be spoilt."""
    return copy.deepcopy(examples["permitted-search"])


@pytest.fixture(scope="session")
def decide(library: PolicyLibrary) -> Callable[..., Decision]:
    """decide(request, library=..., at=...): by default the shipped packs, at the instant the request states."""

    def decide(request: Request, library: PolicyLibrary = library, at: datetime | None = None) -> Decision:
        at = at or instant_of(request)
        return authorise(request, library.in_force(at), at=at)

    return decide


@pytest.fixture
def packs(tmp_path: Path) -> "Packs":
    """A copy of the shipped packs that a test may spoil."""
    shutil.copytree(POLICIES, tmp_path / "policies")
    return Packs(tmp_path / "policies")


class Packs:
    """A folder of packs to edit and load."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def edit(self, name: str, old: str, new: str) -> "Packs":
        """Replace `old`, which must be there, once."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text, f"`{old}` is not in {name}"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return self

    def append(self, name: str, text: str) -> "Packs":
        """Add to the end of a file, which may be new."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")
        return self

    def load(self) -> PolicyLibrary:
        return load_policies(self.folder)
