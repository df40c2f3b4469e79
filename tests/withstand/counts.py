"""The counts of one session, printed as one table at its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Counts:
    """What was done and seen, by attack, in the order of arrival."""

    lines: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def put(self, attack: str, what: str, count: object) -> None:
        """Keep one number (or a few words) for the table."""
        self.lines.setdefault(attack, []).append((what, str(count)))

    def table(self) -> Sequence[str]:
        """The table, a line each."""
        if not self.lines:
            return ()
        width = max(len(what) for rows in self.lines.values() for what, _ in rows)
        table = ["what was withstood"]
        for attack, rows in self.lines.items():
            table.append(f"  {attack}")
            table += [f"    {what:<{width}}  {count}" for what, count in rows]
        return table
