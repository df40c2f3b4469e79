"""A year of a made-up agency: forty officers in four units, with people's differences in it, and misuse on demand.

Officers differ in how much they search (a gamma of shape 4 about the same mean), months differ (holidays), cases
have one face mostly and seldom four, one officer in eight works late, supervisors read for minutes. Nothing here
is anybody's real number. Each `plant_…` adds one pattern of misuse to a clean year, and says what must find it.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from counterseal.oversight.approvals import Decided
from counterseal.oversight.signals.rows import Approved, Closed, History, Search

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365
OFFICERS = 40
UNITS = 4
SOURCES = (
    "store-camera-still",
    "public-camera-still",
    "victim-supplied",
    "case-photograph",
    "booking-photograph",
)
SERVICES = ("service-a", "service-b")


@dataclass
class Year:
    """A history in the making; `made` puts it into order."""

    dice: random.Random
    searches: list[Search] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    approved: list[Approved] = field(default_factory=list)
    entry: int = 0
    cases: int = 0
    faces: int = 0

    def new_face(self) -> str:
        """Another photograph."""
        self.faces += 1
        return f"{self.faces:064x}"[::-1]

    def new_case(self) -> str:
        """Another case."""
        self.cases += 1
        return f"case-{self.cases:016x}"

    def search(self, person: int, at: datetime, case: str, **stated: object) -> Search:
        """One search, as usual unless stated otherwise."""
        self.entry += 1
        usual = Search(
            id=f"request-{self.entry:016x}",
            person=who(person),
            unit=unit_of(person),
            case=case,
            case_type="fraud",
            service=self.dice.choice(SERVICES),
            source_class=self.dice.choice(SOURCES),
            item=f"evidence-{self.entry:016x}",
            face=self.new_face(),
            captured=at - timedelta(days=self.dice.uniform(1, 90)),
            protected_event=self.dice.random() < 0.002,
            at=at,
            on_duty=True,
            entry=self.entry,
        )
        self.searches.append(replace(usual, **stated))  # type: ignore[arg-type]
        return self.searches[-1]

    def approval(self, requester: int, approver: str, at: datetime, seconds: float) -> None:
        """One granted approval."""
        self.entry += 1
        decided = Decided(
            request_id=f"request-a{self.entry:015x}",
            kind="witness",
            requester_id=who(requester),
            approver_id=approver,
            granted=True,
            requested_at=at - timedelta(seconds=seconds),
            decided_at=at,
        )
        self.approved.append(Approved(decided, unit_of(requester), self.entry))

    def made(self) -> History:
        """In the order in which it happened; entries are numbered anew in that order."""
        everything: list[tuple[datetime, int, object]] = [(s.at, s.entry, s) for s in self.searches]
        everything += [(a.decided.decided_at, a.entry, a) for a in self.approved]
        number = {entry: n for n, (_, entry, _) in enumerate(sorted(everything, key=lambda e: e[:2]))}
        searches = sorted((replace(s, entry=number[s.entry]) for s in self.searches), key=lambda s: s.entry)
        approved = sorted((replace(a, entry=number[a.entry]) for a in self.approved), key=lambda a: a.entry)
        return History(searches, sorted(self.closed, key=lambda c: c.at), approved)


def who(person: int) -> str:
    """An officer's id."""
    return f"person-{person:016x}"


def unit_of(person: int) -> str:
    """Their unit."""
    return f"Unit {person % UNITS}"


def supervisors_of(person: int) -> tuple[str, ...]:
    """The three who approve in this officer's unit."""
    return tuple(who(1000 + 10 * (person % UNITS) + n) for n in range(3))


def clean_year(seed: int) -> Year:
    """A year in which nobody did anything."""
    dice = random.Random(seed)
    year = Year(dice)
    for person in range(OFFICERS):
        eager = dice.gammavariate(4.0, 1 / 4.0)
        late = 0.15 if person % 8 == 0 else 0.02
        for month in range(12):
            holidays = dice.uniform(0.4, 1.0) if month in (6, 7, 11) else 1.0
            worked_on = _poisson(dice, 3.0 * holidays)
            for _ in range(worked_on):
                case = year.new_case()
                day = month * 30 + dice.randrange(30)
                for _ in range(
                    dice.choices((0, 1, 2, 3, 4), (70, 50 * eager, 18 * eager, 6 * eager, 0.6))[0]
                ):
                    year.search(person, _office_hour(dice, day, late), case, on_duty=dice.random() >= late)
                if dice.random() < 0.9:
                    year.closed.append(Closed(who(person), _office_hour(dice, day + dice.randrange(20), 0.0)))
            for _ in range(_poisson(dice, 1.2 * holidays)):
                year.approval(
                    person,
                    dice.choice(supervisors_of(person)),
                    _office_hour(dice, month * 30 + dice.randrange(30), 0.0),
                    dice.lognormvariate(6.2, 1.1),
                )
    return year


def _poisson(dice: random.Random, mean: float) -> int:
    count, left = 0, dice.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + dice.expovariate(1.0)
    return count


def _office_hour(dice: random.Random, day: int, late: float) -> datetime:
    """A working day near this one, mostly."""
    at = BEGIN + timedelta(days=min(day, DAYS - 1))
    while at.weekday() >= 5 and dice.random() > late:
        at -= timedelta(days=1)
        if at < BEGIN:
            at += timedelta(days=5)
    return at + timedelta(hours=dice.uniform(12, 22))


@dataclass(frozen=True)
class Planted:
    """A pattern of misuse: what to add to a year, and the kinds of which one must speak of it, about whom or what."""

    plant: Callable[[Year], str]
    kinds: frozenset[str]


def _in_may(year: Year, n: int = 0) -> datetime:
    return BEGIN + timedelta(days=125 + n % 25, hours=15, minutes=n % 50)


def plant_searches_without_work(year: Year) -> str:
    """Forty searches in a month, each on a case of its own, none closed."""
    for n in range(40):
        year.search(7, _in_may(year, n), year.new_case())
    return who(7)


def plant_own_past(year: Year) -> str:
    """The quietest officer searches in one month as others do who are eager."""
    quiet = min(range(OFFICERS), key=lambda p: sum(s.person == who(p) for s in year.searches))
    for n in range(30):
        year.search(quiet, _in_may(year, n), year.new_case())
    return who(quiet)


def plant_many_faces(year: Year) -> str:
    """Nine unrelated faces on one genuine case, over a fortnight."""
    case = year.new_case()
    for n in range(9):
        year.search(3, _in_may(year, n), case)
    return case


def plant_social_media(year: Year) -> str:
    """Each photograph of the month is off social media, in cases of fraud."""
    for n in range(8):
        year.search(11, _in_may(year, n), year.new_case(), source_class="social-media")
    return who(11)


def plant_social_media_case(year: Year) -> str:
    """Three faces off social media on one case."""
    case = year.new_case()
    for n in range(3):
        year.search(11, _in_may(year, n), case, source_class="social-media", case_type="harassment")
    return case


def plant_wrong_source(year: Year) -> str:
    """One photograph of a class that a case of its type does not have."""
    case = year.new_case()
    year.search(12, _in_may(year), case, source_class="body-camera-still")
    return case


def plant_same_face(year: Year) -> str:
    """The photograph of one case is searched again by a colleague for another."""
    first = year.search(13, _in_may(year), year.new_case())
    year.search(14, _in_may(year, 2), year.new_case(), face=first.face)
    return f"face-{first.face[:32]}"


def plant_shopping(year: Year) -> str:
    """One photograph, four services, one afternoon."""
    case, face = year.new_case(), year.new_face()
    for n in range(4):
        year.search(15, _in_may(year) + timedelta(minutes=7 * n), case, face=face, service=f"service-{n}")
    return f"face-{face[:32]}"


def plant_nights(year: Year) -> str:
    """Nine searches of a month at night."""
    for n in range(9):
        year.search(18, _in_may(year, n) + timedelta(hours=11), year.new_case(), on_duty=False)
    return who(18)


def plant_events(year: Year) -> str:
    """Six photographs of protected events in a month."""
    for n in range(6):
        year.search(19, _in_may(year, n), year.new_case(), protected_event=True)
    return who(19)


def plant_rubber_stamp(year: Year) -> str:
    """A supervisor who grants within seconds."""
    for n in range(12):
        year.approval(20 + 4 * (n % 3), supervisors_of(20)[0], _in_may(year, n), 6.0)
    return supervisors_of(20)[0]


def plant_tired_approver(year: Year) -> str:
    """Somebody who read for months, and in September no longer does."""
    for n in range(14):
        year.approval(37, supervisors_of(37)[2], _in_may(year, n) + timedelta(days=122), 20.0)
    return supervisors_of(37)[2]


def plant_pair(year: Year) -> str:
    """One requester goes to one approver only, who has time to read."""
    year.approved = [a for a in year.approved if a.decided.requester_id != who(21)]
    for n in range(12):
        year.approval(21, supervisors_of(21)[1], _in_may(year, n), 900.0)
    return supervisors_of(21)[1]


def plant_crowd(year: Year) -> str:
    """Seven faces out of one recording, by two officers, on cases of their own."""
    for n in range(7):
        year.search(
            22 + n % 2, _in_may(year, n), year.new_case(), item="evidence-crowd",
            captured=BEGIN + timedelta(days=100),
        )  # fmt: skip
    return "evidence-crowd"


def plant_moment(year: Year) -> str:
    """Six photographs from six cameras at one corner and one moment."""
    at = BEGIN + timedelta(days=101, hours=18)
    for n in range(6):
        year.search(
            24 + n, _in_may(year, n), year.new_case(), source_class="public-camera-still",
            captured=at + timedelta(minutes=n),
        )  # fmt: skip
    return f"{at:%Y-%m-%dT%H:%M}@public-camera-still"


def plant_batch(year: Year) -> str:
    """Three officers share out six faces of one case within the hour."""
    case = year.new_case()
    for n in range(6):
        year.search(28 + n % 3, _in_may(year) + timedelta(minutes=6 * n), case)
    return case


def plant_dragnet_day(year: Year) -> str:
    """Sixty searches on one day by everybody, one each and some two: no person stands out."""
    at = BEGIN + timedelta(days=132, hours=14)  # a weekday
    for n in range(60):
        year.search(n % OFFICERS, at + timedelta(minutes=3 * n), year.new_case())
    return f"all:{at.date()}"


PATTERNS: dict[str, Planted] = {
    "searches without work": Planted(plant_searches_without_work, frozenset({"searches-above-peers"})),
    "above one's own past": Planted(plant_own_past, frozenset({"searches-above-own-past"})),
    "many faces on one case": Planted(plant_many_faces, frozenset({"many-faces-on-one-case"})),
    "social media throughout": Planted(plant_social_media, frozenset({"social-media-above-peers"})),
    "social media on one case": Planted(plant_social_media_case, frozenset({"social-media-faces"})),
    "a source that does not fit": Planted(plant_wrong_source, frozenset({"source-does-not-fit"})),
    "the same face elsewhere": Planted(plant_same_face, frozenset({"same-face-elsewhere"})),
    "service after service": Planted(plant_shopping, frozenset({"one-face-many-services"})),
    "at night": Planted(plant_nights, frozenset({"off-duty-above-peers"})),
    "protected events": Planted(plant_events, frozenset({"events-above-peers"})),
    "approvals in seconds": Planted(plant_rubber_stamp, frozenset({"quick-approvals"})),
    "approvals quicker than before": Planted(plant_tired_approver, frozenset({"quicker-than-before"})),
    "always the same approver": Planted(plant_pair, frozenset({"approvals-of-a-pair"})),
    "a crowd out of one recording": Planted(plant_crowd, frozenset({"many-faces-from-one-source"})),
    "a crowd at one moment": Planted(plant_moment, frozenset({"many-faces-from-one-source"})),
    "a batch shared out": Planted(plant_batch, frozenset({"batch-of-several-persons"})),
    "a day of the dragnet": Planted(plant_dragnet_day, frozenset({"busy-day"})),
}


def planted(seed: int, names: Iterable[str]) -> tuple[History, dict[str, str]]:
    """A year with these patterns in it, and what each is about."""
    year = clean_year(seed)
    about = {name: PATTERNS[name].plant(year) for name in names}
    return year.made(), about
