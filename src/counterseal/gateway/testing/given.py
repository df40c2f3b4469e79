"""Take scores that were made elsewhere into the folder of a planned test, as they are."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from counterseal.evaluation.protocol import Plan
from counterseal.gateway.testing import folder as files
from counterseal.terms.errors import BadInputError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


@dataclass(frozen=True, slots=True)
class Given:
    """A file of scores. format: as `evaluate SCORES` names it. direction: empty where the file says it.

    groups: who is of which group; mated: the second file that some formats have; None without.
    """

    scores: Path
    format: str
    direction: str
    groups: Path | None = None
    mated: Path | None = None


def take_scores(folder: Path, plan: Plan, given: Given, *, at: datetime) -> None:
    """Copy the files into the folder and note when the run began. at: when whoever made the scores began.

    Raises:
        BadInputError: a file is missing, or has a name that is taken in a test's folder.
        AnotherRunError: another run began in this folder.
    """
    facts = {
        "plan_sha256": plan.digest(),
        "source": "scores",
        "format": given.format,
        "direction": given.direction,
    }
    for role in ("scores", "groups", "mated"):
        file = getattr(given, role)
        facts |= {role: "", f"{role}_sha256": ""}
        if file is not None:
            facts |= {role: _name(file), f"{role}_sha256": files.sha256_of(file)}
    files.begin(folder, facts, at)
    for role in ("scores", "groups", "mated"):
        file = getattr(given, role)
        if file is not None and not (folder / file.name).exists():
            part = folder / (file.name + ".part")
            shutil.copyfile(file, part)
            part.replace(folder / file.name)
    check_given(folder, facts)


def check_given(folder: Path, begun: Mapping[str, object]) -> None:
    """Hold the files in the folder against what the run began with.

    Raises:
        BadInputError: one is missing or changed.
    """
    for role in ("scores", "groups", "mated"):
        if name := str(begun.get(role, "")):
            path = folder / name
            if not path.is_file() or files.sha256_of(path) != begun[f"{role}_sha256"]:
                raise BadInputError(f"`{path}` is not the file that the run began with; put that one back")


def _name(file: Path) -> str:
    if not file.is_file():
        raise BadInputError(f"there is no file `{file}`; check the path")
    if not _PLAIN.fullmatch(file.name) or file.name in files.OURS:
        raise BadInputError(
            f"`{file.name}` cannot be kept in a test's folder under this name; give it a plain name of its own"
        )
    return file.name
