"""The numbers that signals are computed with: `signals.toml`, data of a pack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from counterseal.policy.pack import TextFile, TomlTable

# What stands for every type of case that has no line of its own.
EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class SignalRule:
    """When something is a signal.

    chance: how often, at most, a comparison may come up by chance, each time it is made. times, least: it is also
    that many times the expectation, and that many events. others: compared with fewer cells of others it is not;
    past: nor with fewer months of one's own.
    base: how far back others and one's own past are looked at. The `_of_` limits are the last numbers that are
    no signal. batch: so many persons, with more faces than so many, within a time, on one case. fits: by type of
    case, the source classes that a photograph of such a case comes from.
    """

    clause: str
    chance: Fraction
    times: float
    least: int
    others: int
    past: int
    base: timedelta
    faces_of_a_case: int
    social_faces_of_a_case: int
    faces_of_a_source: int
    services_of_a_face: int
    crowd_within: timedelta
    batch_persons: int
    batch_faces: int
    batch_within: timedelta
    quick_approval: timedelta
    fits: Mapping[str, frozenset[str]]

    def fits_case(self, source_class: str, case_type: str) -> bool:
        """Whether a photograph from there belongs into such a case; yes where no line speaks of the type."""
        fitting = self.fits.get(case_type, self.fits.get(EVERY_TYPE))
        return fitting is None or source_class in fitting


def read_signals(
    file: "TextFile",
    tables: "Mapping[str, TomlTable]",
    known: Callable[[str, str], str],
    time: Callable[[str, str], timedelta],
) -> SignalRule:
    """Check signals.toml. tables: by name. known: a clause of the pack. time: of a text such as `PT30M`."""

    def table(name: str) -> "TomlTable":
        if name not in tables:
            raise file.error(f"there is no [{name}]", f"state it: {', '.join(_TABLES)}", "")
        return tables[name]

    def whole(name: str, key: str, least: int) -> int:
        value = int(table(name).take(key, int, "a whole number"))
        if value < least:
            raise file.error(f"`{key}` is at least {least}, not {value}", "mend the number", f"{key} =")
        return value

    def long(name: str, key: str) -> timedelta:
        return time(table(name).text(key), f"{key} =")

    for name in tables:
        if name not in _TABLES:
            raise file.error(
                f"`{name}` is no table here", f"the tables are {', '.join(_TABLES)}", f"[{name}]"
            )
    times = float(table("comparison").take("times", float, "a number such as 3.0"))
    if times < 1:
        raise file.error("`times` is at least 1.0", "mend the number", "times =")
    fits: dict[str, frozenset[str]] = {}
    for case_type in list(table("fits").values):
        fits[case_type] = frozenset(table("fits").texts(case_type))
    rule = SignalRule(
        clause=known(table("comparison").text("clause"), "clause ="),
        chance=Fraction(1, whole("comparison", "once_in", 20)),
        times=times,
        least=whole("comparison", "least", 1),
        others=whole("comparison", "others", 2),
        past=whole("comparison", "past", 1),
        base=long("comparison", "base"),
        faces_of_a_case=whole("limits", "faces_of_a_case", 1),
        social_faces_of_a_case=whole("limits", "social_faces_of_a_case", 0),
        faces_of_a_source=whole("limits", "faces_of_a_source", 1),
        services_of_a_face=whole("limits", "services_of_a_face", 1),
        crowd_within=long("limits", "crowd_within"),
        quick_approval=long("limits", "quick_approval"),
        batch_persons=whole("batch", "persons", 2),
        batch_faces=whole("batch", "faces", 1),
        batch_within=long("batch", "within"),
        fits=fits,
    )
    for each in tables.values():
        each.done()
    return rule


_TABLES = ("comparison", "limits", "batch", "fits")
