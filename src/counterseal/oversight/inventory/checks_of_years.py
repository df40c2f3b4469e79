"""Checks that need an older file: what vanished, what came back, what changed its name, what opt-out was dropped."""

import re
from collections.abc import Iterator

from counterseal.oversight.inventory.cells import words
from counterseal.oversight.inventory.faces import is_about_faces
from counterseal.oversight.inventory.findings import Seen
from counterseal.oversight.inventory.pairing import Pairing, likeness, purpose, significant
from counterseal.oversight.inventory.rows import Inventory, Row


def identifier_vanished(pairing: Pairing, newer: Inventory) -> Iterator[Seen]:
    """A use of the older file that had not ended is not in the newer one, not even as retired.

    Where the older file has no identifiers, only uses about faces or with an impact on rights or safety are
    reported: a name alone proves too little to report every renamed chatbot. `row` is that of the older file.
    """
    there = {words(row.identifier) for row in newer.rows if row.identifier}
    for row in pairing.vanished:
        if row.retired:
            continue
        if pairing.by_identifier and row.identifier:
            if words(row.identifier) not in there:
                yield Seen(
                    row,
                    f"{row.identifier} “{row.name}” stood in the older file ({_stage(row)}) and is missing from the "
                    "newer one: a use that has ended must be reported as retired once more (row number of the older "
                    "file)",
                    ("id", "development_stage"),
                )
        elif row.high_impact or is_about_faces(row):
            yield Seen(
                row,
                f"“{row.name}” stood in the older file ({_stage(row)}) and no use of the agency in the newer one has "
                "its name or its purpose, not even as retired (row number of the older file; told by name, since "
                "there are no identifiers)",
                ("use_case_name", "development_stage"),
            )


def identifier_reappears(pairing: Pairing) -> Iterator[Seen]:
    """A use that was retired in the older file is live in the newer one."""
    for pair in pairing.pairs:
        if pair.older.retired and (pair.newer.running or pair.newer.coming):
            yield Seen(
                pair.newer,
                f"retired in the older file (row {pair.older.number} there, told by {pair.by}) and "
                f"{_stage(pair.newer)} in this one",
                ("id" if pair.by == "identifier" else "use_case_name", "development_stage"),
            )


_ANOTHER = 0.15  # share of words in common below which nothing speaks for the same use


def identifier_reused(pairing: Pairing) -> Iterator[Seen]:
    """One identifier that stands for another use than in the older file."""
    for pair in pairing.pairs:
        if pair.by != "identifier" or words(pair.older.name) == words(pair.newer.name):
            continue
        names = likeness(significant(pair.older.name), significant(pair.newer.name))
        if names < _ANOTHER and likeness(purpose(pair.older), purpose(pair.newer)) < _ANOTHER:
            yield Seen(
                pair.newer,
                f"{pair.newer.identifier} stood for “{pair.older.name}” in the older file (row {pair.older.number} "
                f"there) and stands for “{pair.newer.name}” now: an identifier must not be used again",
                ("id", "use_case_name"),
            )


_OPT_OUT = re.compile(
    r"\bopt(?:s|ed|ing)?[ -]?(?:out|in)\b|\bdeclin\w+|\bvoluntar\w+|\balternativ\w+|\bopt(?:ion|ional)\w* for\b|"
    r"\b(?:not|only one) (?:a |an )?(?:requirement|required|mandatory|option)\b|\boption for\b|\bmay choose\b|"
    r"\banother means\b|\bother means\b|\bnon-biometric\b|\bwithout (?:facial|biometric)",
    re.IGNORECASE,
)

# Stricter: words by which a row says that people may opt out, not merely that there is another way.
_OFFERED = re.compile(
    r"\bopt(?:s|ed|ing)?[ -]?out\b|\b(?:may|can) decline\b|\bnot a requirement\b|\bis voluntary\b",
    re.IGNORECASE,
)


def opt_out_dropped(pairing: Pairing) -> Iterator[Seen]:
    """The older file offered people an opt-out, and the newer one says no word on any way around the AI.

    Only uses on people: about faces, or with an impact on rights or safety. The form of 2025 has no question on
    opting out, so the words are looked for in every answer.
    """
    for pair in pairing.pairs:
        older, newer = pair.older, pair.newer
        if not (newer.running or newer.coming):
            continue
        if not (is_about_faces(older) or is_about_faces(newer) or older.high_impact or newer.high_impact):
            continue
        asked = bool(older["impact"])  # the form of 2024 has the question
        offered = older["opt_out"] == "Yes" if asked else bool(_where(older, _OFFERED))
        if offered and not _where(newer) and newer["opt_out"] in ("", "No – law or guidance restricts it"):
            said = (
                "a mechanism to opt out"
                if asked
                else f"that people may opt out (in {_where(older, _OFFERED)})"
            )
            yield Seen(
                newer,
                f"the older file reported {said} (row {older.number} there, told by {pair.by}); no answer in this one "
                "speaks of opting out, declining or an alternative",
                ("opt_out" if newer["opt_out"] else "system_outputs", "hi_appeal_process"),
            )


def _where(row: Row, pattern: re.Pattern[str] = _OPT_OUT) -> str:
    return next((name for name in row.texts if pattern.search(row[name])), "")


def _stage(row: Row) -> str:
    return f"“{row['development_stage']}”" if row["development_stage"] else "stage not given"
