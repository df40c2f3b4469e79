"""What one search shows by itself, against limits that are data: asked of each search as it is permitted.

`at_search` is asked at the gateway with each search, of what the records then hold; `replayed` asks the same of a
history. There is no template of a face anywhere: the same face is noticed only where the very same file came
again (a keyed fingerprint). Another photograph of the same person is not, and neither is the requester's own
neighbour: no names of persons sought are kept that one could compare.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from counterseal.oversight.signals.rows import Search, Signal
from counterseal.policy import SignalRule

SOCIAL_MEDIA = "social-media"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known when a search was permitted, itself included.

    faces: different photographs searched for the case. social_faces: those of them from social media. cases,
    persons, services: how many have searched this very photograph.
    """

    faces: int
    social_faces: int
    cases: int
    persons: int
    services: int


def at_search(
    search: Search, seen: Seen, rule: SignalRule, *, faces_of_cases: Callable[[], Sequence[int]]
) -> Iterator[Signal]:
    """The signals of one search. faces_of_cases: faces of each other case, asked for only where there are many."""
    entries = (search.entry,)

    def signal(kind: str, about: str, says: str, count: int, limit: int) -> Signal:
        return Signal(
            kind,
            about,
            says,
            times=count / max(limit, 1),
            entries=entries,
            person=search.person,
            numbers={"count": count, "limit": limit},
        )

    if seen.faces > rule.faces_of_a_case:
        yield signal(
            "many-faces-on-one-case",
            search.case,
            f"{seen.faces} faces on one case; {_peers(faces_of_cases())}. Do they all belong to it?",
            seen.faces,
            rule.faces_of_a_case,
        )
    if seen.social_faces > rule.social_faces_of_a_case and search.source_class == SOCIAL_MEDIA:
        yield signal(
            "social-media-faces",
            search.case,
            f"{seen.social_faces} faces from social media on one case of the type `{search.case_type}`: how did each "
            "come to be sought?",
            seen.social_faces,
            rule.social_faces_of_a_case,
        )
    if not rule.fits_case(search.source_class, search.case_type):
        yield signal(
            "source-does-not-fit",
            search.case,
            f"a photograph of the class `{search.source_class}` in a case of the type `{search.case_type}`, whose "
            "photographs do not come from there",
            1,
            1,
        )
    if seen.cases > 1 or seen.persons > 1:
        yield signal(
            "same-face-elsewhere",
            _face(search),
            f"one and the same photograph was searched for {seen.cases} cases by {seen.persons} persons",
            max(seen.cases, seen.persons),
            1,
        )
    if seen.services > rule.services_of_a_face:
        yield signal(
            "one-face-many-services",
            _face(search),
            f"one photograph was tried at {seen.services} services, one after the other",
            seen.services,
            rule.services_of_a_face,
        )


def replayed(searches: Sequence[Search], rule: SignalRule) -> Iterator[Signal]:
    """What `at_search` would have said of each search of a history, at its time; the last word of each kind."""
    of_case: dict[str, dict[str, bool]] = defaultdict(dict)
    of_face: dict[str, list[Search]] = defaultdict(list)
    last: dict[tuple[str, str], Signal] = {}
    for search in searches:
        of_case[search.case][search.face] = search.source_class == SOCIAL_MEDIA
        of_face[search.face].append(search)
        again = of_face[search.face]
        seen = Seen(
            faces=len(of_case[search.case]),
            social_faces=sum(of_case[search.case].values()),
            cases=len({s.case for s in again}),
            persons=len({s.person for s in again}),
            services=len({s.service for s in again}),
        )

        def others(case: str = search.case) -> list[int]:
            return [len(faces) for other, faces in of_case.items() if other != case]

        for signal in at_search(search, seen, rule, faces_of_cases=others):
            last[signal.kind, signal.about] = signal
    behind = _behind(searches)
    for (kind, about), signal in last.items():
        yield Signal(
            kind,
            about,
            signal.says,
            signal.times,
            tuple(sorted({*signal.entries, *behind.get(about, ())})),
            signal.person,
            signal.numbers,
        )


def _behind(searches: Iterable[Search]) -> dict[str, list[int]]:
    """The entries of each case and of each face."""
    entries: dict[str, list[int]] = defaultdict(list)
    for search in searches:
        entries[search.case].append(search.entry)
        entries[_face(search)].append(search.entry)
    return entries


def _face(search: Search) -> str:
    # Half of a keyed hash: enough to be one face's alone, and short enough to be an `about`.
    return f"face-{search.face[:32]}"


def _peers(faces: Sequence[int]) -> str:
    if not faces:
        return "there is no other case to compare with"
    mean = sum(faces) / len(faces)
    return f"other cases have {mean:.1f} on average, {median(faces):g} in the middle, {max(faces)} at most"
