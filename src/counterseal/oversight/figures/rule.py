"""The published rule of a release: what is kept back, for how long, and how figures are counted.

A release carries its rule, so that a reader needs nothing else to count again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from counterseal.oversight.figures.errors import ReleaseUnreadableError

COUNTING = 1
"""Version of the counting itself: raise it with any change to what is counted or opened."""

SEALED_KIND = "search.intent"
SEALED_NAMES = ("case_type", "subject_role")
"""The codes that say something about a person sought. They stand behind salted digests, never in an entry's
public part; a release opens them entry by entry, where enough entries carry the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """k: fewest entries that may share what is opened of them, at least 2. delay_days: an entry is counted
    this long after it was sealed. exigent_hours: an exigent use is approved in time within these."""

    k: int = 5
    delay_days: int = 30
    exigent_hours: int = 24
    counting: int = COUNTING

    def __post_init__(self) -> None:
        """Refuse a rule under which nothing is kept back."""
        values = (self.k, self.delay_days, self.exigent_hours, self.counting)
        if any(type(value) is not int for value in values) or self.k < 2 or min(values) < 0:
            raise ReleaseUnreadableError(
                "a rule has whole numbers: k of 2 or more, and no negative days or hours"
            )

    def latest(self, made_at: datetime) -> datetime:
        """The latest instant up to which a release made at `made_at` may count."""
        try:
            return made_at - timedelta(days=self.delay_days)
        except OverflowError:
            raise ReleaseUnreadableError(f"a delay of {self.delay_days} days reaches back too far") from None

    def to_json(self) -> dict[str, int]:
        """The rule as it stands in figures.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: object) -> "Rule":
        """Read a rule, strictly.

        Raises:
            ReleaseUnreadableError: other members, other types, or no rule that keeps anything back.
        """
        if not isinstance(content, Mapping) or content.keys() != cls().to_json().keys():
            raise ReleaseUnreadableError("the rule of the release is not one that this program knows")
        return cls(**content)
