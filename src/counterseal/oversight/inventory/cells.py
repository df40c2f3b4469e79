"""Bring what stands in a cell to one form: text, selection, list, date; and say what was changed.

Text: text in a wrong code page is mended, carriage returns and their `_x000D_` become line breaks, invisible
and control characters go, any run of spaces becomes one, HTML entities become what they stand for. A second
cleaning changes nothing. Nothing is guessed: an answer that is no selection, and a date that is none, stay as
they are and are reported.
"""

import ast
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from counterseal.oversight.inventory.columns import Choice
from counterseal.oversight.inventory.rows import ChangeKind


def _byte_of() -> dict[str, int]:
    table = {}
    for byte in range(0x80, 0x100):
        try:
            table[bytes([byte]).decode("cp1252")] = byte
        except UnicodeDecodeError:  # five bytes have no character; files hold them as control characters
            table[chr(byte)] = byte
    return table


_BYTE = _byte_of()
_CONTINUES = "".join(re.escape(c) for c, byte in _BYTE.items() if 0x80 <= byte <= 0xBF)
_MOJIBAKE = re.compile(f"[Â-ß][{_CONTINUES}]|[à-ï][{_CONTINUES}]{{2}}|[ð-ô][{_CONTINUES}]{{3}}")
_RETURN = re.compile("_x000[dD]_|\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_ENTITY = re.compile(r"&(?:amp;)*(?:amp|lt|gt|quot|apos|nbsp|#39|#34|#160);")
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[ \n]*")
_WORD = re.compile(r"[a-z0-9]+")
_LETTER = re.compile(r"^\s*(?:[a-z]\)\s*)+", re.IGNORECASE)


def clean_text(text: str, *, breaks: bool = True) -> tuple[str, tuple[ChangeKind, ...]]:
    """`text` in one form, and the kinds of change that took. breaks: keep line breaks, else they become spaces."""
    kinds: dict[ChangeKind, None] = {}
    # One mending may uncover the next (`&am\u200bp;`, text that went through two wrong code pages). It ends: each
    # pass that changes anything shortens the text or leaves fewer of the characters that it replaces.
    while (tidied := _once(text, breaks, kinds)) != text:
        text = tidied
    return text, tuple(kinds)


def _once(text: str, breaks: bool, kinds: dict[ChangeKind, None]) -> str:
    def say(kind: ChangeKind, new: str) -> str:
        if new != text:
            kinds[kind] = None
        return new

    text = say(ChangeKind.MOJIBAKE, _MOJIBAKE.sub(_mend, text))
    text = say(ChangeKind.ENTITY, _ENTITY.sub(_entity, text))
    text = say(ChangeKind.LINE_BREAK, _RETURN.sub("\n", text))
    text = say(ChangeKind.INVISIBLE, _INVISIBLE.sub("", text))
    text = say(ChangeKind.SPACES, _SPACES.sub(" ", text))
    text = say(ChangeKind.LINE_BREAK, _BREAKS.sub("\n" if breaks else " ", text))
    return say(ChangeKind.SPACES, text.strip())


def _mend(found: re.Match[str]) -> str:
    try:
        return bytes(_BYTE[c] for c in found.group()).decode("utf-8")
    except UnicodeDecodeError:
        return found.group()


def _entity(found: re.Match[str]) -> str:
    # `&amp;amp;lt;` is one `<` that was escaped three times.
    return html.unescape("&" + (found.group().removeprefix("&").replace("amp;", "") or "amp;"))


def words(text: str) -> str:
    """The letters and digits of `text` in lower case, one space between runs: what two spellings share."""
    return " ".join(_WORD.findall(text.replace("&", " and ").lower()))


def has_substance(text: str) -> bool:
    """Whether there is a letter or a digit in it at all."""
    return any(c.isalnum() for c in text)


class Selections:
    """The valid selections of one question, and the ways in which they are spelled."""

    def __init__(self, choices: Sequence[Choice], *spellings: Mapping[str, str]) -> None:
        self.codes = tuple(choice.code for choice in choices)
        self._code: dict[str, str] = {}
        self._begins: dict[str, str] = {}
        for known in reversed(spellings):
            for spelled, code in known.items():
                if code in self.codes:
                    target = self._begins if spelled.endswith("…") else self._code
                    target[spelled.removesuffix("…").strip()] = code
        for choice in choices:
            for spelled in _spellings(choice):
                self._code[spelled] = choice.code

    def code_of(self, text: str) -> str | None:
        """The code of an answer; None where it is no valid selection."""
        if text in self.codes:
            return text
        spelled = words(_LETTER.sub("", text))
        if spelled in self._code:
            return self._code[spelled]
        return next((code for begin, code in self._begins.items() if spelled.startswith(begin)), None)


def _spellings(choice: Choice) -> Iterator[str]:
    label = _LETTER.sub("", choice.label)
    for spelled in (choice.code, label, label.split(" – ")[0], label.split(": ")[0]):
        # The head of a longer label stands for it, but not a bare yes, which several may begin with.
        if spelled in (choice.code, label) or words(spelled) not in {"yes", "no"}:
            yield words(spelled)


def read_list(text: str, selections: Selections) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A cell that may hold several answers: codes in the dictionary's order, then items that are none.

    Read are a Python or JSON list, and answers parted by semicolons, commas or line breaks where every part is
    a valid selection. Returns the items and those among them that are no selections.
    """
    items: dict[str, None] = {}
    for part in _parts(text, selections):
        cleaned, _ = clean_text(part, breaks=False)
        if has_substance(cleaned):
            items[selections.code_of(cleaned) or cleaned] = None
    known = tuple(code for code in selections.codes if code in items)
    unknown = tuple(item for item in items if item not in selections.codes)
    return known + unknown, unknown


def _parts(text: str, selections: Selections) -> Sequence[str]:
    if text.startswith("[") and text.endswith("]"):
        for read in (json.loads, ast.literal_eval):
            try:
                items = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(items, list) and all(isinstance(item, str) for item in items):
                return items
    if selections.code_of(text) is None:
        for pattern in (r";#?", r",", r"\n"):
            parts = [part.strip() for part in re.split(pattern, text) if part.strip()]
            if len(parts) > 1 and all(selections.code_of(part) is not None for part in parts):
                return parts
    return [text]


_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_CLOCK = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M)?)?"
_DAY = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_CLOCK}", re.IGNORECASE)
_AMERICAN = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}){_CLOCK}", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})/(\d{4})")
_NAMED = re.compile(r"([A-Za-z]{3})[a-z]*[- ](\d{2}|\d{4})")
_YEAR = re.compile(r"(?:19|20)\d{2}")


def read_date(text: str) -> str | None:
    """A date as 2025-01-31, 2025-01 or 2025, as exact as it was given; None where it is none.

    Months come first, as Americans write; two digits after a month's name are a year of this century.
    """
    try:
        if found := _DAY.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
        if found := _AMERICAN.fullmatch(text):
            return date(int(found[3]), int(found[1]), int(found[2])).isoformat()
        if found := _MONTH.fullmatch(text):
            return date(int(found[1]), int(found[2]), 1).isoformat()[:7]
        if found := _MONTH_YEAR.fullmatch(text):
            return date(int(found[2]), int(found[1]), 1).isoformat()[:7]
        if (found := _NAMED.fullmatch(text)) and found[1].lower() in _MONTHS:
            year = int(found[2]) if len(found[2]) == 4 else 2000 + int(found[2])
            return date(year, _MONTHS[found[1].lower()], 1).isoformat()[:7]
    except ValueError:  # 31 February
        return None
    return text if _YEAR.fullmatch(text) else None
