"""The kinds of findings: each a code, the words that explain it, and the roles that may say what came of it.

Some codes are families: a fixed beginning, and an end that a service or a worksheet names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from counterseal.terms.errors import BadInputError

SUPERVISORS = frozenset({"supervisor", "auditor"})
REVIEWING_UNIT = frozenset({"reviewing-unit", "auditor"})
AUDITORS = frozenset({"auditor"})


@dataclass(frozen=True, slots=True)
class FindingKind:
    """What findings of this kind say, and whose they are. owners: any one of these roles decides."""

    words: str
    owners: frozenset[str]


KINDS: Mapping[str, FindingKind] = {
    "approvals-of-a-pair": FindingKind(
        "one approver decides for one requester more often than chance brings about", AUDITORS
    ),
    "batch-of-several-persons": FindingKind(
        "several persons searched many faces for one case at a time, each below the limits", AUDITORS
    ),
    "busy-day": FindingKind("far more searches on one day than on days of its kind", AUDITORS),
    "events-above-peers": FindingKind(
        "far more photographs of protected events than others search", SUPERVISORS
    ),
    "many-faces-from-one-source": FindingKind(
        "many faces out of one recording, or captured at one time, were searched", SUPERVISORS
    ),
    "off-duty-above-peers": FindingKind("far more searches out of hours than others make", SUPERVISORS),
    "one-face-many-services": FindingKind("one photograph was tried at service after service", SUPERVISORS),
    "quick-approvals": FindingKind("approvals given faster than a request can be read", AUDITORS),
    "quicker-than-before": FindingKind(
        "far more approvals given faster than a request can be read than the same person gave before",
        AUDITORS,
    ),
    "same-face-elsewhere": FindingKind(
        "the same photograph was searched for another case, or by somebody else", SUPERVISORS
    ),
    "searches-above-own-past": FindingKind("far more searches than the same person made before", SUPERVISORS),
    "searches-above-peers": FindingKind(
        "far more searches for the work that was closed than others need", SUPERVISORS
    ),
    "social-media-above-peers": FindingKind(
        "far more photographs from social media than others search", SUPERVISORS
    ),
    "social-media-faces": FindingKind(
        "several faces from social media were searched for one case", SUPERVISORS
    ),
    "source-does-not-fit": FindingKind(
        "the photograph is of a class that cases of this type do not have", SUPERVISORS
    ),
    "many-faces-on-one-case": FindingKind(
        "more different faces were searched for a case than most cases have", SUPERVISORS
    ),
    "concurrent-session": FindingKind(
        "a person's session was in use when another of theirs began elsewhere", SUPERVISORS
    ),
    "disowned-session": FindingKind("a person says that somebody else acted in their session", SUPERVISORS),
    "operator-log-ours-only": FindingKind(
        "we sealed an intent that the operator's log does not have", REVIEWING_UNIT
    ),
    "operator-log-theirs-only": FindingKind("the operator ran a search that we never sealed", REVIEWING_UNIT),
    "operator-log-doubled": FindingKind("the operator ran one request more than once", REVIEWING_UNIT),
    "operator-log-malformed": FindingKind("a line of the operator's log cannot be read", REVIEWING_UNIT),
    "use-beside-the-register": FindingKind("a service was used beside the register", REVIEWING_UNIT),
}
FAMILIES: Mapping[str, FindingKind] = {
    "service-": FindingKind(
        "a service failed to answer, or answered what contradicts itself", REVIEWING_UNIT | SUPERVISORS
    ),
    "review-": FindingKind("a supervisor's review answered no to this line of the worksheet", SUPERVISORS),
    "audit-": FindingKind("an audit found this", AUDITORS),
}


def kind_of(code: str) -> FindingKind:
    """The kind of this code.

    Raises:
        BadInputError: no such kind is known.
    """
    if kind := KINDS.get(code):
        return kind
    for beginning, family in FAMILIES.items():
        if code.startswith(beginning) and len(code) > len(beginning):
            return family
    raise BadInputError(
        f"there is no kind of finding `{code}`; the kinds are {', '.join(sorted(KINDS))} and those that begin "
        f"with {', '.join(sorted(FAMILIES))}"
    )
