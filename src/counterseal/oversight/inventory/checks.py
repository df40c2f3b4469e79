"""The table of checks: each a named function, what it looks for, and what it cannot see.

A finding is a question to the agency, not a verdict: the file alone cannot show what stands behind an answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from counterseal.oversight.inventory import checks_across as across
from counterseal.oversight.inventory import checks_of_a_row as one
from counterseal.oversight.inventory import checks_of_years as years
from counterseal.oversight.inventory.findings import Finding, Seen
from counterseal.oversight.inventory.pairing import Pairing, pair
from counterseal.oversight.inventory.rows import Inventory, Row


@dataclass(frozen=True, slots=True)
class Check:
    """One check. says: what it finds; blind_to: what it cannot see; of_years: it needs an older file."""

    name: str
    says: str
    blind_to: str
    run: Callable[[Inventory, Pairing], Iterator[Seen]]
    of_years: bool = False


def _row(function: Callable[[Row], Iterator[Seen]]) -> Callable[[Inventory, Pairing], Iterator[Seen]]:
    def run(inventory: Inventory, _: Pairing) -> Iterator[Seen]:
        for row in inventory.rows:
            yield from function(row)

    return run


def _rows(
    function: Callable[[Inventory], Iterator[Seen]],
) -> Callable[[Inventory, Pairing], Iterator[Seen]]:
    return lambda inventory, _: function(inventory)


def _years(
    function: Callable[[Pairing], Iterator[Seen]],
) -> Callable[[Inventory, Pairing], Iterator[Seen]]:
    def run(_: Inventory, pairing: Pairing) -> Iterator[Seen]:
        yield from function(pairing)

    return run


def _vanished(inventory: Inventory, pairing: Pairing) -> Iterator[Seen]:
    yield from years.identifier_vanished(pairing, inventory)


CHECKS: tuple[Check, ...] = (
    Check(
        "practice-unfinished",
        "deployed and high-impact, with a safeguard in progress or answered with no",
        "a yes that is not true",
        _row(one.practice_unfinished),
    ),
    Check(
        "practice-unanswered",
        "deployed and high-impact, with questions on safeguards left empty",
        "answers that were left out by an extension or a waiver that the file does not show",
        _row(one.practice_unanswered),
    ),
    Check(
        "fail-safe-not-applicable",
        "a high-impact search of people whose fail-safe is “not applicable”",
        "a search of people whose row does not say that people are looked for",
        _row(one.fail_safe_not_applicable),
    ),
    Check(
        "appeal-not-applicable",
        "a high-impact search of people whose appeal is “not applicable”",
        "a search of people whose row does not say that people are looked for",
        _row(one.appeal_not_applicable),
    ),
    Check(
        "personal-data-without-assessment",
        "personal data, and no address of a privacy impact assessment (2024: no assessment)",
        "whether the assessment at the address covers this use, and assessments that exist unpublished",
        _row(one.personal_data_without_assessment),
    ),
    Check(
        "answer-of-another-column",
        "an answer that belongs to another question, or an address, a date or a bare yes where it does not fit",
        "a wrong answer that is a valid one to the question",
        _row(one.answer_of_another_column),
    ),
    Check(
        "presumed-without-justification",
        "presumed high-impact but determined not to be, without an argument that answers the definition",
        "whether an argument that is made is true",
        _row(one.presumed_without_justification),
    ),
    Check(
        "faces-not-presumed",
        "a row about faces that does not take up the presumption of high impact",
        "uses of faces that no presumption covers, such as unlocking a device: they are reported too",
        _row(one.faces_not_presumed),
    ),
    Check(
        "identifier-twice",
        "one identifier for two rows of an agency",
        "one use reported under two identifiers",
        _rows(across.identifier_twice),
    ),
    Check(
        "text-of-another-use",
        "a description or an answer on impacts that is another system's, word for word or nearly so",
        "texts copied and then rewritten; systems whose rows name neither system nor vendor; standing wording",
        _rows(across.text_of_another_use),
    ),
    Check(
        "impacts-not-of-this-use",
        "deployed and high-impact, with an answer on impacts that a dozen or more other systems share word for word",
        "standing wording that was varied a little",
        _rows(across.impacts_not_of_this_use),
    ),
    Check(
        "one-tool-two-answers",
        "one tool at two components with answers that cannot both hold",
        "one tool under two names; components that really use it differently",
        _rows(across.one_tool_two_answers),
    ),
    Check(
        "identifier-vanished",
        "a use of the older file, not retired there, that is missing from the newer",
        "agencies that one of the files lacks; uses that were moved to the consolidated list or exempted",
        _vanished,
        of_years=True,
    ),
    Check(
        "identifier-reappears",
        "a use that was retired in the older file and is live in the newer",
        "a use that came back under another name and purpose",
        _years(years.identifier_reappears),
        of_years=True,
    ),
    Check(
        "identifier-reused",
        "an identifier that stands for another use than before",
        "files without identifiers; a use that was renamed and rewritten looks the same",
        _years(years.identifier_reused),
        of_years=True,
    ),
    Check(
        "opt-out-dropped",
        "people could opt out in the older file, and the newer says nothing of it",
        "an opt-out that exists and is told elsewhere: the form of 2025 does not ask for it",
        _years(years.opt_out_dropped),
        of_years=True,
    ),
)


def check(inventory: Inventory, older: Inventory | None = None) -> tuple[Finding, ...]:
    """Every finding in an inventory, in the order of its rows; with an older file also those between the two."""
    # Without an older file nothing is paired, and the checks between years have nothing to say.
    pairing = pair(older, inventory) if older is not None else Pairing((), (), by_identifier=False)
    found = [seen.named(entry.name) for entry in CHECKS for seen in entry.run(inventory, pairing)]
    order = {entry.name: number for number, entry in enumerate(CHECKS)}
    return tuple(sorted(found, key=lambda f: (f.finding == "identifier-vanished", f.row, order[f.finding])))
