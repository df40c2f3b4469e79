"""How far witnesses have seen the log, as every command shows it: a missing quorum is never passed over."""

from datetime import UTC, datetime

from counterseal.cli.outcome import Json
from counterseal.gateway.cosign import LogStanding


def witnessed_json(found: LogStanding) -> Json:
    """The member `witnessed` of an answer."""
    return {
        "held": found.held,
        "held_size": found.held_size,
        "held_at": found.held_at and instant(found.held_at),
        "by": list(found.by),
        "uncosigned_entries": found.uncosigned,
        "uncosigned_since": found.since and instant(found.since),
        "says": found.says,
    }


def witnessed_lines(found: LogStanding) -> tuple[str, ...]:
    """The same for a reader: nothing where the latest checkpoint has its quorum."""
    return () if found.held else (f"Witnesses: {found.says}.",)


def instant(at: datetime) -> str:
    """An instant in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
