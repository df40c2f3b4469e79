"""A rate as it may be printed: counts first, then the interval and how it was made.

Source: ISO/IEC 19795-1 (error counts and uncertainty are reported with every rate).
"""

from dataclasses import dataclass
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` out of `trials`.

    interval: lower and upper bound at the confidence of the test, both in 0 to 1, None where none can be given
    (no trials). method: how the interval was made, such as `clopper-pearson` or `subject bootstrap`.
    """

    errors: int
    trials: int
    interval: Interval | None
    method: str

    def __post_init__(self) -> None:
        """Refuse counts that no test gives."""
        if not 0 <= self.errors <= self.trials:
            raise ValueError(f"{self.errors} errors in {self.trials} trials")

    @property
    def value(self) -> float | None:
        """errors / trials; None without trials: nothing was tried, so nothing is known."""
        return self.errors / self.trials if self.trials else None

    def document(self) -> dict[str, Any]:
        """As result documents hold it."""
        return {
            "errors": self.errors,
            "trials": self.trials,
            "rate": self.value,
            "interval": None if self.interval is None else list(self.interval),
            "method": self.method,
        }
