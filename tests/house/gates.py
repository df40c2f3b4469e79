"""A copy of the tree that a test may spoil, and the gates run on it as `make test` runs them."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Said:
    """What a gate answered."""

    code: int
    text: str


@dataclass(frozen=True)
class Copy:
    """Sources, tools, policies and examples in a folder of the test's own."""

    root: Path

    def plant(self, path: str, fault: str) -> None:
        """Add lines at the end of a file, which must be there."""
        place = self.root / path
        place.write_text(place.read_text(encoding="utf-8") + fault, encoding="utf-8")

    def gate(self, *command: str) -> Said:
        """Run a gate in the copy, on the copy's sources."""
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            check=False,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Said(done.returncode, done.stdout + done.stderr)


def make_copy(folder: Path) -> Copy:
    """Copy what the gates read."""
    for part in ("src", "tools", "policies", "examples"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for page in (".importlinter", "pyproject.toml", "GLOSSARY.md"):
        shutil.copy(ROOT / page, folder / page)
    return Copy(folder)
