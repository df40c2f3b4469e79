"""Find the rows about face recognition or face capture, with the words that say so; and not their false friends.

A row is taken when at least one mention affirms that faces are compared, recognised, detected or captured. A
mention does not count, and is only shown at a second glance, when its sentence denies it, finds faces to hide
them, asks whether a face is made up, reads expressions, or covers a face (mask, shield). Biometrics or photo
comparison without a word on faces are a second glance too. The verb (to face a challenge), `interface`,
`surface`, `face-to-face`, `in the face of` and names that merely contain the letters are nothing at all.

What it cannot see: a use whose row never says that it concerns faces, and irony.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from counterseal.oversight.inventory.columns import BY_NAME, Kind
from counterseal.oversight.inventory.rows import Inventory, Row


class Sense(StrEnum):
    """What a mention says is done with faces."""

    RECOGNITION = "recognition"
    CAPTURE = "capture"
    DENIED = "denied"
    HIDDEN = "hidden"
    SYNTHETIC = "made up or real"
    EXPRESSION = "expression"
    COVERED = "covered"
    BIOMETRIC = "biometrics unspecified"


TAKEN = (Sense.RECOGNITION, Sense.CAPTURE)

WHY_NOT = {
    Sense.DENIED: "says that it does no such thing",
    Sense.HIDDEN: "finds faces in order to hide them",
    Sense.SYNTHETIC: "asks whether a face is made up, not whose it is",
    Sense.EXPRESSION: "reads expressions or features, and compares no faces",
    Sense.COVERED: "is about what covers a face",
    Sense.BIOMETRIC: "speaks of biometrics or photographs without saying that faces are compared",
}


@dataclass(frozen=True, slots=True)
class Mention:
    """Words about faces: where, which, in what sense. excerpt: some of the sentence around them."""

    column: str
    words: str
    sense: Sense
    excerpt: str


@dataclass(frozen=True, slots=True)
class FaceRow:
    """A row about face recognition or capture, and every mention that makes it one."""

    row: Row
    mentions: tuple[Mention, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns with such words."""
        return tuple(dict.fromkeys(mention.column for mention in self.mentions))

    @property
    def sense(self) -> Sense:
        """Recognition where any mention says so, else capture."""
        senses = [mention.sense for mention in self.mentions]
        return Sense.RECOGNITION if Sense.RECOGNITION in senses else Sense.CAPTURE

    @property
    def reason(self) -> str:
        """Which words in which column."""
        return "; ".join(_said(self.mentions))


@dataclass(frozen=True, slots=True)
class Glance:
    """A row that was narrowly not taken, and why not."""

    row: Row
    mentions: tuple[Mention, ...]

    @property
    def reason(self) -> str:
        """Which words in which column, and why they do not count."""
        senses = dict.fromkeys(mention.sense for mention in self.mentions)
        return "; ".join(_said(self.mentions)) + ": " + "; ".join(WHY_NOT[sense] for sense in senses)


def _said(mentions: tuple[Mention, ...]) -> Iterator[str]:
    by_column: dict[str, dict[str, None]] = {}
    for mention in mentions:
        by_column.setdefault(mention.column, {})[mention.words.lower()] = None
    for column, said in by_column.items():
        yield ", ".join(f"“{w}”" for w in said) + f" in {column}"


_DO = (
    r"recogni\w+|\bmatch\w*|compar\w+|verif\w+|identif\w+|authenticat\w+|search\w*|similarit\w+|candidates?|"
    r"unlock\w*|geometry|templates?|biometrics?|technolog\w+|algorithms?|vectors?"
)
_TAKE = r"captur\w+|detect\w+|images?|imagery|photos?|photographs?|pictures?|scans?|scanning|data|landmarks?|enrol\w*"
# `face` may be a verb (“users face verification problems”), so fewer words may follow it than `facial`.
_FACE_DO = (
    r"recogni\w+|\bmatch(?:ing|es)?|comparisons?|verification|identification|authentication|search(?:es)?|"
    r"similarity|candidates?|unlock|geometry|templates?|biometrics?|id(?=\b(?! card))"
)
_FACE_TAKE = r"captur\w+|detection|images?|imagery|photos?|photographs?|pictures?|landmarks?"
_TROUBLE = (
    r"(?![ -](?:challenge|problem|backlog|delay|difficult|issue|cost|bottleneck|error|risk|burden|requirement|"
    r"question|shortage)\w*)"
)
_WHOSE = (
    r"human|persons?['’]?s?|people['’]?s?|individuals?['’]?s?|travell?ers?['’]?s?|passengers?['’]?s?|users?['’]s?|"
    r"customers?['’]?s?|applicants?['’]?s?|subjects?['’]?s?|visitors?['’]?s?|someone['’]?s|similar|known|unknown"
)
_COMPARES = (
    r"index(?:es|ed|ing)?|recogni[sz](?:e|es|ed|ing)|\bmatch(?:es|ed|ing)?|compar(?:e|es|ed|ing)|"
    r"identif(?:y|ies|ied|ying)|search(?:es|ed|ing)?(?: for)?|similar to"
)
_TAKES = r"extract(?:s|ed|ing)?|captur(?:e|es|ed|ing)|detect(?:s|ed|ing)?|scan(?:s|ned|ning)?|photograph(?:s|ed|ing)?"
_FACES = r"(?:the |a |an |their |all |any |visually |human |similar )*faces?\b(?! of\b| to face)"

_PATTERNS: tuple[tuple[Sense, re.Pattern[str]], ...] = tuple(
    (sense, re.compile(pattern, re.IGNORECASE))
    for sense, pattern in (
        (
            Sense.RECOGNITION,
            rf"\bfacial(?:(?:,| and| or|/) ?\w+){{0,2}}[ -]+(?:biometric )?(?:{_DO})\b"
            rf"|\bfaces?[ -](?:{_FACE_DO})\b{_TROUBLE}"
            rf"|\b(?:{_COMPARES}) {_FACES}"
            # Whoever is found by the features of the face is found by the face.
            r"|\b(?:identif|recogni|search|compar|\bmatch)\w*\b[^.;\n]{0,60}?\bfacial features?\b"
            r"|\bclearview\b(?: ai\b)?|\bpimeyes\b|\bneoface\b|\btravell?er verification service\b",
        ),
        (
            Sense.CAPTURE,
            rf"\bfacial(?:(?:,| and| or|/) ?\w+){{0,2}}[ -]+(?:{_TAKE})\b"
            rf"|\bface[ -](?:{_FACE_TAKE})\b{_TROUBLE}"
            rf"|\b(?:{_TAKES}) {_FACES}"
            rf"|\b(?:{_WHOSE}) faces?\b(?![ -](?:to|of|mask|shield|cover))"
            r"|\bfaces in (?:visual|images?|photos?|photographs?|videos?|the)\b"
            r"|\bselfies?\b|\bliveness\b",
        ),
        (Sense.EXPRESSION, r"\bfacial (?:expressions?|features?|emotions?|cues|gestures?|hair|movements?)\b"),
        (Sense.COVERED, r"\bface[ -]?(?:masks?|shields?|coverings?)\b"),
        (
            Sense.BIOMETRIC,
            r"\bbiometrics?\b|\brekognition\b|\bmug ?shots?\b|\bhead ?shots?\b|\bphoto[ -](?:comparison|\bmatch\w*)\b"
            r"|\bfaces(?:[.,]|,? (?:and|or|objects?|license plates?)\b)",
        ),
    )
)
# `faces` beside things that are hidden too: counted only when the sentence hides them.
_PLURAL = re.compile(r"\bfaces\b", re.IGNORECASE)

_SENTENCE = re.compile(r"[.;!?](?=\s|$)|\n")
# A line that was only wrapped goes on in the next; one that begins with a capital or a bullet is another.
_WRAPPED = re.compile(r"\n(?=[a-z(,])")
# A negation that governs what follows: a few words on, and none between that would begin another thought.
_NOT = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|excluding)\b"
    r"(?!\s+only\b)"
    r"(?:[\s,(]+(?!(?:using|by|via|through|after|when|with|but|however|because|since|unless|until|before|once|"
    r"that|which|who|need|requires?|requiring)\b)[\w:'’/-]+){0,7}[\s,(]*$",
    re.IGNORECASE,
)
_NOT_AFTER = re.compile(
    r"^[^.;\n]{0,24}(?:\(not used\)|\b(?:is|are|was|were|has been) (?:not|never) (?:used|enabled|performed|part)|"
    r"\b(?:is|are) disabled|\b(?:is|are) turned off)",
    re.IGNORECASE,
)
_HIDES = re.compile(
    r"\b(?:redact\w*|blur\w*|obscur\w*|anonymi\w*|pixelat\w*|mask(?:s|ed|ing)?)\b", re.IGNORECASE
)
_MADE_UP = re.compile(r"\bdeep ?fakes?\b|\bsynthetic\w*|\bfakes?\b", re.IGNORECASE)

# Cheap to ask, and no pattern above can be met without it.
_HINT = re.compile(
    r"\bfac(?:e|ial)|\bliveness|\bselfie|\bclearview|\bpimeyes|\bneoface|\btravell?er verification|\bbiometric|"
    r"\brekognition|\bmug ?shot|\bhead ?shot|\bphoto[ -]",
    re.IGNORECASE,
)

_UNREAD = (Kind.ID, Kind.EMAIL, Kind.URL, Kind.DATE)


def about_faces(inventory: Inventory) -> tuple[FaceRow, ...]:
    """The rows about face recognition or face capture, each with its reason."""
    return tuple(
        FaceRow(row, taken)
        for row in inventory.rows
        if (taken := tuple(m for m in mentions(row) if m.sense in TAKEN))
    )


def glance(inventory: Inventory) -> tuple[Glance, ...]:
    """The rows that were narrowly not taken, each with why not: for a second look by a person."""
    return tuple(
        Glance(row, found)
        for row in inventory.rows
        if (found := mentions(row)) and not any(m.sense in TAKEN for m in found)
    )


def is_about_faces(row: Row) -> bool:
    """Whether a row is about face recognition or capture."""
    return any(mention.sense in TAKEN for mention in mentions(row))


def mentions(row: Row) -> tuple[Mention, ...]:
    """Every mention of faces in a row, in whatever sense."""
    return tuple(_mentions(row))


def _mentions(row: Row) -> Iterator[Mention]:
    for column in (*row.texts, *row.lists):
        known = BY_NAME.get(column)
        if (known is None or known.kind not in _UNREAD) and _HINT.search(row[column]):
            yield from _in_text(column, row[column])


def _in_text(column: str, text: str) -> Iterator[Mention]:
    text = _WRAPPED.sub(" ", text)
    taken: list[tuple[int, int]] = []
    for sense, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            if any(start < found.end() and found.start() < end for start, end in taken):
                continue
            taken.append(found.span())
            meant = _meant(sense, text, found)
            if meant is not None:
                yield Mention(column, " ".join(found.group().split()), meant, _around(text, found))


def _meant(sense: Sense, text: str, found: re.Match[str]) -> Sense | None:
    before, after = _sentence(text, found)
    if sense in TAKEN:
        if _NOT.search(before) or _NOT_AFTER.search(after):
            return Sense.DENIED
        if _HIDES.search(before) or _HIDES.search(after):
            return Sense.HIDDEN
        if _MADE_UP.search(before + found.group() + after):
            return Sense.SYNTHETIC
    if sense is Sense.BIOMETRIC and _PLURAL.match(found.group()):
        # Bare `faces`: hidden beside number plates, or the verb.
        return Sense.HIDDEN if _HIDES.search(before + after) else None
    return sense


def _sentence(text: str, found: re.Match[str]) -> tuple[str, str]:
    start = max((end.end() for end in _SENTENCE.finditer(text, 0, found.start())), default=0)
    end = _SENTENCE.search(text, found.end())
    return text[start : found.start()], text[found.end() : end.start() if end else len(text)]


def _around(text: str, found: re.Match[str], width: int = 60) -> str:
    start, end = max(0, found.start() - width), min(len(text), found.end() + width)
    shown = " ".join(text[start:end].split())
    return ("…" if start else "") + shown + ("…" if end < len(text) else "")
