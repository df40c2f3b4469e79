#!/usr/bin/env python3
"""The words lint: how this project may talk about people, scores and proof.

    tools/words.py [ROOT]

Reads what people read: string literals of `src/` and `tools/` (docstrings too), documentation, policies,
examples and the project's own pages. Prints each forbidden word with its place and exits 1; exits 2 where
there was nothing to read, or where an exception below excuses nothing any more.

The exceptions are a closed list. Each names a file, the words around, and why the word may stand there.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Rule:
    """A word that is not written, and what to write instead."""

    name: str
    pattern: re.Pattern[str]
    instead: str
    may: tuple[str, ...] = ()  # beginnings of paths where the word means something else


@dataclass(frozen=True, slots=True)
class Excused:
    """One place where a word may stand. around: text that the line must contain."""

    path: str
    rule: str
    around: str
    why: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A forbidden word and where it stands."""

    path: str
    line: int
    rule: Rule
    text: str

    def __str__(self) -> str:
        """As a compiler would say it."""
        return f"{self.path}:{self.line}: `{self.text}`: {self.rule.instead}"


# Where engines are adapted, their own vocabulary may be spoken.
ENGINE_ROOMS = (
    "src/counterseal/biometrics/recogniser.py",
    "src/counterseal/biometrics/brought.py",
    "src/counterseal/biometrics/embedded.py",
)
# Where tests are measured, confidence is the level of an interval, as in every text on statistics.
TEST_ROOMS = (
    "src/counterseal/evaluation/",
    "src/counterseal/cli/commands/evaluate",
    "src/counterseal/cli/evaluated.py",
    "docs/reference/test-plan.md",
)


def _rule(name: str, pattern: str, instead: str, *, may: tuple[str, ...] = ()) -> Rule:
    return Rule(name, re.compile(pattern, re.IGNORECASE), instead, may)


RULES = (
    _rule(
        "match",
        r"(?<![\w`-])(?<!false )match(es|ed|ing)?(?![\w-])|\d\s?% ?match",
        "a candidate is no match: write candidate, comparison, agrees or fits",
    ),
    _rule("hit", r"(?<![\w`-])hits?(?![\w-])", "a candidate is no hit: write candidate"),
    _rule(
        "identified",
        r"(?<![\w-])(identified|(?<!false )positive identification)(?![\w-])",
        "nobody is identified by a search: write candidate or lead; of things, write named or numbered",
    ),
    _rule("suspect list", r"suspects?[ -]list", "write candidate list"),
    _rule(
        "confidence",
        r"(?<![\w`-])confidence(?! intervals?)(?![\w-])",
        "a score is no confidence: write comparison score, with its direction",
        may=TEST_ROOMS,
    ),
    _rule(
        "tamper-proof",
        r"tamper[- ]?proof|unforgeable|unbreakable|unhackable",
        "write tamper-evident: a change is detectable by who holds a checkpoint",
    ),
    _rule("blockchain", r"block-?chain", "write log, tree or checkpoint"),
    _rule(
        "immutable",
        r"(?<![\w-])immutabl[ey]",
        "written only where a test holds it: say what refuses the change",
    ),
    _rule(
        "unbiased",
        r"(?<![\w-])(unbiased|bias[- ]free|bias score)",
        "write differential, with interval and group sizes",
    ),
    _rule(
        "embedding",
        r"(?<![\w-])embeddings?(?![\w-])",
        "outside an engine adapter write features or template",
        may=ENGINE_ROOMS,
    ),
)

EXCUSED = (
    Excused(
        "src/counterseal/oversight/inventory/columns.py",
        "identified",
        "identified patterns",
        "a published selection of the federal inventory, which an export repeats letter for letter",
    ),
    Excused(
        "src/counterseal/terms/biometrics.py",
        "match",
        "match",
        "ISO/IEC 2382-37: the decision on one comparison against a stated threshold",
    ),
    Excused(
        "policies/hsi-frs-2021/narrative.toml",
        "match",
        '"match"',
        "a word that says nothing in a written reason; it is listed to be refused",
    ),
    Excused(
        "policies/hsi-frs-2021/conditions.toml",
        "identified",
        "positive identification",
        "the memorandum's own words for what a candidate is not",
    ),
    Excused(
        "src/counterseal/biometrics/identify.py",
        "immutable",
        "Immutable.",
        "tests/house/test_words.py writes into an index and sees it refused",
    ),
    Excused(
        "src/counterseal/casework/models.py",
        "identified",
        "There is no state called identified",
        "says that the state does not exist",
    ),
    Excused(
        "src/counterseal/cli/demo/synthetic_test.py",
        "confidence",
        "confidence = 0.95",
        "the level of a test's intervals, as plans name it",
    ),
)

_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "GLOSSARY.md", "CHANGELOG.md")
_CODE = ("src", "tools")
_PROSE = (
    ("docs", "*.md"),
    ("docs", "*.svg"),
    ("policies", "*.toml"),
    ("policies", "*.cedar*"),
    (".github", "*.md"),
)


def lines_people_read(root: Path) -> Iterator[tuple[str, int, str]]:
    """Every (path, line number, text) that somebody outside the code may read."""
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*.py")):
            if "migrations" not in path.parts and path.name != Path(__file__).name:
                yield from _literals(path, path.relative_to(root).as_posix())
    pages = [root / name for name in _PAGES]
    for folder, pattern in _PROSE:
        pages += sorted((root / folder).rglob(pattern))
    for path in pages:
        if path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if path == root / "GLOSSARY.md" and line.startswith("| "):
                    line = line.rstrip("| ").rpartition("|")[
                        0
                    ]  # the last column holds the words we do not use
                yield path.relative_to(root).as_posix(), number, line


def _literals(path: Path, name: str) -> Iterator[tuple[str, int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.splitlines()):
                yield name, node.lineno + offset, line


def faults(root: Path) -> tuple[list[Fault], list[Excused], int]:
    """Every fault, every exception that excused nothing, and how many lines were read."""
    found: list[Fault] = []
    used: set[Excused] = set()
    read = 0
    for path, number, line in lines_people_read(root):
        read += 1
        for rule in RULES:
            if path.startswith(rule.may):
                continue
            spoken = rule.pattern.search(line)
            if spoken is None:
                continue
            excuse = next(
                (e for e in EXCUSED if e.path == path and e.rule == rule.name and e.around in line), None
            )
            if excuse is None:
                found.append(Fault(path, number, rule, spoken.group()))
            else:
                used.add(excuse)
    return found, [e for e in EXCUSED if e not in used], read


def main(arguments: list[str]) -> int:
    """Run the lint over ROOT, by default this repository."""
    root = Path(arguments[0]).resolve() if arguments else ROOT
    found, unused, read = faults(root)
    for fault in found:
        print(fault)
    if not read:
        print(f"there is nothing to read under {root}", file=sys.stderr)
        return 2
    if root == ROOT and unused:
        for exception in unused:
            print(f"tools/words.py: the exception for `{exception.rule}` in {exception.path} excuses nothing")
        return 2
    print(f"{read} lines read, {len(RULES)} rules, {len(EXCUSED)} exceptions, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
