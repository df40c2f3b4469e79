"""Checks that read one row: what is unfinished, not applicable, missing, in the wrong place, or not argued."""

import re
from collections.abc import Iterator

from counterseal.oversight.inventory.cells import read_date, words
from counterseal.oversight.inventory.columns import (
    BY_NAME,
    COLUMNS_2025,
    NOT_APPLICABLE,
    PRACTICES,
    PRESUMED,
    SPELLINGS,
    UNFINISHED,
    Kind,
)
from counterseal.oversight.inventory.faces import is_about_faces
from counterseal.oversight.inventory.findings import Seen
from counterseal.oversight.inventory.pairing import significant
from counterseal.oversight.inventory.rows import Row
from counterseal.oversight.inventory.selections import of_2025

# --- practices -----------------------------------------------------------------------------------------------

# The questions of 2024 and the answers that leave them open.
_UNFINISHED_2024 = {
    "impact_assessment": ("Planned or in-progress", "No"),
    "real_world_testing": ("No testing", "No"),
    "independent_evaluation": ("Planned or in-progress", "No"),
    "monitoring": ("No monitoring protocols have been established",),
}
_PRACTICES_2024 = (*_UNFINISHED_2024, "appeal_process")


def practice_unfinished(row: Row) -> Iterator[Seen]:
    """Deployed and high-impact, and a safeguard that must stand is in progress or was answered with no."""
    if not (row.deployed and row.high_impact):
        return
    open_ones = [name for name in PRACTICES if _open(row, name)]
    if open_ones:
        yield Seen(
            row,
            f"deployed and high-impact, but {_count(open_ones, 'practice')} of {len(PRACTICES)} not finished: "
            + "; ".join(f"{_PLAIN[name]} “{row[name]}”" for name in open_ones),
            ("development_stage", "is_high_impact", *open_ones),
        )
    open_2024 = [name for name, answers in _UNFINISHED_2024.items() if row[name] in answers]
    if open_2024 and row["extension"] != "Yes":
        yield Seen(
            row,
            f"in use with an impact on rights or safety ({row['impact']}) and no extension was asked for, but "
            + "; ".join(f"{_PLAIN[name]} “{row[name]}”" for name in open_2024),
            ("development_stage", "impact", "extension", *open_2024),
        )


def _open(row: Row, name: str) -> bool:
    answers = row.lists.get(name) or (row[name],)
    return any(answer in UNFINISHED or words(answer) == "no" for answer in answers)


def practice_unanswered(row: Row) -> Iterator[Seen]:
    """Deployed and high-impact, and the questions on safeguards are left empty."""
    if not (row.deployed and row.high_impact):
        return
    asked = PRACTICES if row["is_high_impact"] else _PRACTICES_2024
    # The inventory of 2024 asked these of nobody who had an extension.
    if not row["is_high_impact"] and row["extension"] == "Yes":
        return
    empty = [name for name in asked if not row[name]]
    if empty:
        yield Seen(
            row,
            f"deployed and high-impact, but {_count(empty, 'question')} on safeguards without an answer: "
            + ", ".join(_PLAIN[name] for name in empty),
            ("development_stage", "is_high_impact" if row["is_high_impact"] else "impact", *empty),
        )


# --- searches of people --------------------------------------------------------------------------------------

_SEARCHES_PEOPLE = re.compile(
    r"\b(?:persons? of interest|wanted persons?|fugitives?|suspects?|unknown (?:person|individual|subject)s?|"
    r"known or suspected|licen[sc]e[ -]plate|plate readers?|people search|person search|"
    r"(?:locat|identif|track|vet|screen|search)\w* (?:for |of |and \w+ )?(?:\w+ )?"
    r"(?:individuals?|persons?|people|travell?ers?|passengers?|applicants|inmates|offenders|prisoners|migrants|"
    r"noncitizens|non-citizens|subjects)|"
    r"(?:fingerprint|friction ridge|iris|voice|palm) (?:compar|recogni|identif|print comparison|\bmatch)\w*|"
    r"biometric (?:compar|identif|verif|search|\bmatch)\w*)\b",
    re.IGNORECASE,
)
_ABOUT_THE_USE = ("use_case_name", "problem_solved", "benefits", "system_outputs")


def searches_people(row: Row) -> str:
    """The words by which a use looks for people or tells who they are; empty where there are none."""
    if is_about_faces(row):
        return "faces"
    found = next((m for c in _ABOUT_THE_USE if (m := _SEARCHES_PEOPLE.search(row[c]))), None)
    return " ".join(found.group().split()) if found else ""


def fail_safe_not_applicable(row: Row) -> Iterator[Seen]:
    """A search of people whose fail-safe is “not applicable”: a wrong candidate is a harm that needs one."""
    if row.high_impact and row["hi_failsafe_presence"] == NOT_APPLICABLE and (by := searches_people(row)):
        yield Seen(
            row,
            f"searches people ({by}) and is high-impact, yet a fail-safe is said not to be applicable: "
            "somebody can be taken for somebody else",
            ("hi_failsafe_presence", "is_high_impact"),
        )


def appeal_not_applicable(row: Row) -> Iterator[Seen]:
    """A search of people against whose outcome an appeal is “not applicable”."""
    if not row.high_impact or not (by := searches_people(row)):
        return
    if row["hi_appeal_process"] == NOT_APPLICABLE:
        yield Seen(
            row,
            f"searches people ({by}) and is high-impact, yet an appeal is said not to be applicable: "
            "whoever is taken for somebody else has nowhere to turn",
            ("hi_appeal_process", "is_high_impact"),
        )
    if row.running and row["appeal_process"] == NOT_APPLICABLE:
        yield Seen(
            row,
            f"searches people ({by}) with an impact on rights or safety, yet an appeal is said not to be applicable",
            ("appeal_process", "impact"),
        )


# --- personal data -------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:gov|mil)\b", re.IGNORECASE)
_GENERAL_PAGE = re.compile(
    r"https?://[^/\s]+/?(?:privacy|collections?/privacy[^/]*|privacy-impact-assessments?[^/]*|pias?)?/?$",
    re.IGNORECASE,
)


def personal_data_without_assessment(row: Row) -> Iterator[Seen]:
    """Personal data are involved, and no address of a privacy impact assessment is given (2024: none made)."""
    if not row.running or row["has_pii"] != "Yes":
        return
    if not row["impact"] and not row["privacy_assessed"]:
        said = row["pia_url"]
        if not _ADDRESS.search(said):
            yield Seen(
                row,
                "personal data are involved, and "
                + (
                    f"in place of the assessment's address stands “{_short(said)}”"
                    if said
                    else "no address of a privacy impact assessment is given"
                ),
                ("has_pii", "pia_url"),
            )
        elif _GENERAL_PAGE.fullmatch(said):
            yield Seen(
                row,
                f"personal data are involved, and the address given is a general page, not an assessment: {said}",
                ("has_pii", "pia_url"),
            )
    elif row["privacy_assessed"] != "Yes":
        yield Seen(
            row,
            "personal data are involved, and whether the senior official for privacy has assessed the risks is "
            + (f"answered “{row['privacy_assessed']}”" if row["privacy_assessed"] else "not answered"),
            ("has_pii", "privacy_assessed"),
        )


# --- answers in the wrong place ------------------------------------------------------------------------------

_LETTER = re.compile(r"^[a-z]\) ?", re.IGNORECASE)
_MAIL = re.compile(r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$")
_BARE_URL = re.compile(r"^https?://\S+$", re.IGNORECASE)
# Answers that many questions share tell nothing about where they belong.
_ANYBODYS = frozenset({"yes", "no", "other", "in progress", "not applicable", "n a", "none", "true", "false"})


def answer_of_another_column(row: Row) -> Iterator[Seen]:
    """An answer that is a valid selection of another question, or an address, a date or a mail where none fits."""
    for name in (*row.texts, *row.lists):
        column = BY_NAME.get(name)
        if column is None or (row["impact"] and name not in ("have_ato", "has_pii")):
            continue
        for answer in row.lists.get(name) or (row[name],):
            why = _misplaced(name, answer)
            if why:
                yield Seen(row, why, (name,))


def _misplaced(name: str, answer: str) -> str:
    column = BY_NAME[name]
    if column.kind in (Kind.CHOICE, Kind.LIST):
        if of_2025(name).code_of(answer) is not None:
            return ""
        if _BARE_URL.match(answer):
            return f"an address stands where a selection belongs: {_short(answer)}"
        if read_date(answer):
            return f"a date stands where a selection belongs: {answer}"
    elif column.kind is Kind.DATE:
        return "" if read_date(answer) else f"“{_short(answer)}” stands where a date belongs"
    elif column.kind is Kind.TEXT and name not in _SHORT_NAMES:
        if read_date(answer) and len(answer) > 4:
            return f"a date stands where words belong: {answer}"
        if _MAIL.match(answer):
            return f"a mail address stands where words belong: {answer}"
        if words(answer) in ("yes", "no"):
            return f"a bare “{answer}” stands where words belong"
    elif column.kind is Kind.URL and words(answer) == "yes":
        return f"a bare “{answer}” stands where an address belongs"
    return _owner(name, answer)


# How answers to questions began that only the form of 2024 asked.
_OF_2024 = re.compile(
    r"(?:documentation (?:is|has been) |limited documentation |use of existing data platforms|re-use production level|"
    r"no monitoring protocols have been|intermittent and manually|benchmark evaluation:|less than 6 months$)",
    re.IGNORECASE,
)
_SHORT_NAMES = ("agency_name", "use_case_name", "agency_bureau", "vendor_name", "system_name_ato")


def _owner(name: str, answer: str) -> str:
    if _OF_2024.match(answer):
        return f"“{_short(answer)}” answers a question of the inventory of 2024"
    spelled = words(_LETTER.sub("", answer))
    if spelled in _ANYBODYS or name in ("agency_name", "use_case_name"):
        return ""
    for column in COLUMNS_2025:
        if column.name == name or not column.choices:
            continue
        code = of_2025(column.name).code_of(answer)
        if code is None or (words(code) in _ANYBODYS and spelled not in _full(column.name)):
            continue
        # Names of topics and features are ordinary words; only where a selection is due do they betray a slip.
        if BY_NAME[name].kind not in (Kind.CHOICE, Kind.LIST) and not _LETTER.match(answer):
            continue
        if BY_NAME[name].kind in (Kind.CHOICE, Kind.LIST) and column.name in _ORDINARY:
            continue
        return f"“{_short(answer)}” answers another question: {_PLAIN.get(column.name, column.name)}"
    return ""


_ORDINARY = ("topic_area", "classification", "demographic_features", "is_withheld")


def _full(name: str) -> frozenset[str]:
    labels = {words(_LETTER.sub("", choice.label)) for choice in BY_NAME[name].choices}
    return frozenset(labels | set(SPELLINGS.get(name, {})))


# --- justification -------------------------------------------------------------------------------------------

_NOTHING = frozenset(
    {"", "n a", "na", "none", "tbd", "no", "yes", "not applicable", "unknown", "pending", "see above"}
)
FEWEST_WORDS = 8
OWN_WORDS = 6
# What the definition asks about: whether what comes out is what a decision rests on, and what the decision does.
_ON_THE_POINT = re.compile(
    r"\bprincip(?:al|le) (?:\w+ ){0,2}basis\b|\bbasis (?:for|of)\b|\b(?:effect|affect)s?\b|\baccess to\b|"
    r"\bimpacts? (?:on|to|rights|the)\b|\brights\b|\bsafety\b|\bharm\w*|\blegal\w*\b|\bbinding\b|"
    r"\bconsequen\w+|\bdecisions?\b|\benforcement\b|\bno(?:t)? (?:\w+ ){0,3}(?:action|impact)s?\b|"
    r"\bdoes not (?:\w+ ){0,3}(?:decide|determine|deny|grant)\b",
    re.IGNORECASE,
)
_PEOPLE_DECIDE = re.compile(
    r"\b(?:human|person|people|analyst|officer|official|staff|agent|user|reviewer|expert|crew|personnel|employee)s?\b",
    re.IGNORECASE,
)
_EFFECT = re.compile(
    r"\bprincip(?:al|le) (?:\w+ ){0,2}basis\b|\b(?:effect|affect|impact)s?\b|\brights\b|\bsafety\b|\bharm\w*|"
    r"\blegal\w*\b|\bbinding\b|\bconsequen\w+|\bden(?:y|ied|ial)\b|\balternative\b|\baccess to\b|"
    r"\bnot (?:used to make|drive|influence)\b",
    re.IGNORECASE,
)
_NOT_YET = re.compile(
    r"\b(?:has|have|had)(?: not|n['’]t) been determined\b|\bto be determined\b|"
    r"\bnot yet (?:been )?(?:determined|assessed)\b|\bunder review\b|\bneeds further review\b",
    re.IGNORECASE,
)
_DEFINITION = significant(
    "AI's use case output outputs does do not produce produces serve serves as a principal basis for decision "
    "decisions or action actions with that have has legal, material, binding, or similarly significant effect effects "
    "on individual's individuals or entity's entities named in OMB M-25-21 memorandum memo section civil "
    "rights, civil liberties or privacy, equal opportunities, access to or the ability to apply for critical "
    "government resources or services, human health and safety, critical infrastructure, strategic assets "
    "definition meet meets not high-impact high impact presumed any concerning specific potential potentially "
    "significantly impact impacts this is no M 25 21 one of six categories category case cases may be integrated "
    "pipelines in without meeting because actually relevant type agency such so its therefore determined criteria"
)


def presumed_without_justification(row: Row) -> Iterator[Seen]:
    """Presumed high-impact and determined not to be, with no argument that answers the definition."""
    if row["is_high_impact"] != PRESUMED:
        return
    text = row["HI_justification"]
    spelled = words(text)
    own = significant(text) - _DEFINITION
    if spelled in _NOTHING:
        why = f"no justification is given{f': “{text}”' if text else ''}"
    elif len(spelled.split()) < FEWEST_WORDS:
        why = f"the justification is {len(spelled.split())} words long and argues nothing: “{text}”"
    elif _NOT_YET.search(text) and not re.search(r"\bprincip(?:al|le)\b", text, re.IGNORECASE):
        why = f"the justification says that it is not determined yet, which is no determination: “{_short(text)}”"
    elif not _ON_THE_POINT.search(text):
        why = (
            "the justification describes the use, and says neither whether decisions rest on its output nor what "
            f"effect they have: “{_short(text)}”"
        )
    elif len(own) < OWN_WORDS:
        why = f"the justification repeats the definition and says nothing of this use: “{_short(text)}”"
    elif _PEOPLE_DECIDE.search(text) and not _EFFECT.search(text):
        why = (
            "the only argument is that people look at the output; what rests on it, and with what effect, is not "
            f"said: “{_short(text)}”"
        )
    else:
        return
    yield Seen(
        row, "presumed high-impact, but determined not to be: " + why, ("is_high_impact", "HI_justification")
    )


def faces_not_presumed(row: Row) -> Iterator[Seen]:
    """Faces are compared in law enforcement or at a border, and the row does not even take up the presumption."""
    if not (row.running or row.coming) or row["impact"]:
        return
    if row["is_high_impact"] in ("Not High-impact", "") and is_about_faces(row):
        said = row["is_high_impact"]
        yield Seen(
            row,
            "the row is about faces and is "
            + (f"classed “{said}”" if said else "not classed at all")
            + ", without the presumption being taken up and answered",
            ("is_high_impact", "use_case_name"),
        )


# --- words ---------------------------------------------------------------------------------------------------

_PLAIN = {
    "hi_testing_conducted": "testing before deployment",
    "hi_assessment_completed": "impact assessment",
    "hi_independent_review": "independent review",
    "hi_ongoing_monitoring": "monitoring",
    "hi_training_established": "training of operators",
    "hi_failsafe_presence": "fail-safe",
    "hi_appeal_process": "appeal",
    "hi_public_consultation": "consultation of users and public",
    "impact_assessment": "impact assessment",
    "real_world_testing": "testing in operation",
    "independent_evaluation": "independent evaluation",
    "monitoring": "monitoring",
    "appeal_process": "appeal",
    "development_stage": "stage of development",
    "is_high_impact": "whether it is high-impact",
    "contracting_usage": "who developed it",
}


def _count(items: list[str], word: str) -> str:
    return f"{len(items)} {word}{'' if len(items) == 1 else 's'}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:119] + "…"
