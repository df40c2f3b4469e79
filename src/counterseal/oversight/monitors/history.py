"""A history as monitors read it: the entries in order, what was brought to open them, and the signed notes.

Two sources give one: the database of an installation (`gateway/run_monitors.py`), and an exported log with the
openings that somebody was given (`exported.py`). Monitors see no difference; a value that nobody can open is
closed, and a monitor that needs it says so.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from counterseal.ledger.entry import Disclosure, Entry, JsonValue, check_disclosure, read_entry
from counterseal.ledger.errors import LedgerError
from counterseal.oversight.monitors.errors import ClosedError, HistoryNotSoundError


class Row(Protocol):
    """One stored entry: its index, its bytes, and the encoded disclosures that open it."""

    @property
    def index(self) -> int:
        """Its place in the log."""

    @property
    def body(self) -> bytes:
        """Its bytes."""

    @property
    def disclosures(self) -> Sequence[str]:
        """What opens its committed values, encoded, in any order."""


class History(Protocol):
    """The reader port."""

    def rows(self) -> Iterable[Row]:
        """Every entry, from index 0 on, in order."""

    def notes(self) -> Iterable[tuple[str, bytes]]:
        """Every signed checkpoint that was kept, each under a name to call it."""


@dataclass(slots=True)
class Line:
    """One entry and what opens it. A committed value is opened, and checked, when a monitor asks for it."""

    index: int
    entry: Entry
    disclosures: Sequence[str] = ()
    _opened: dict[str, JsonValue] = field(default_factory=dict, repr=False)
    _encoded: dict[str, str] | None = field(default=None, repr=False)

    def has(self, name: str) -> bool:
        """Whether what opens this name was brought."""
        return name in self._by_name

    def value(self, name: str) -> JsonValue:
        """A committed value.

        Raises:
            ClosedError: nothing that opens it was brought.
            HistoryNotSoundError: what was brought does not belong to this entry.
        """
        if name not in self._opened:
            if name not in self._by_name:
                raise ClosedError(f"`{name}` of entry {self.index} is closed")
            try:
                found, value = check_disclosure(self.entry, Disclosure.parse(self._by_name[name]))
            except LedgerError as error:
                raise HistoryNotSoundError(f"entry {self.index} and its openings: {error}") from error
            self._opened[found] = value
        return self._opened[name]

    def text(self, name: str) -> str:
        """A committed text.

        Raises:
            ClosedError: it is closed, or no text.
        """
        value = self.value(name)
        if not isinstance(value, str):
            raise ClosedError(f"`{name}` of entry {self.index} is no text")
        return value

    def items(self, name: str) -> Sequence[JsonValue]:
        """A committed list.

        Raises:
            ClosedError: it is closed, or no list.
        """
        value = self.value(name)
        if not isinstance(value, list):
            raise ClosedError(f"`{name}` of entry {self.index} is no list")
        return value

    def maybe(self, name: str) -> str | None:
        """A committed text, or None where it is closed."""
        try:
            return self.text(name)
        except ClosedError:
            return None

    @property
    def _by_name(self) -> dict[str, str]:
        if self._encoded is None:
            self._encoded = {_name_of(each): each for each in self.disclosures}
            if len(self._encoded) != len(self.disclosures):
                raise HistoryNotSoundError(f"entry {self.index} was shown with two openings of one name")
        return self._encoded

    def code(self, name: str) -> str:
        """A public code; empty where the entry has none of this name."""
        value = self.entry.public.get(name, "")
        return value if isinstance(value, str) else ""


def _name_of(encoded: str) -> str:
    """The name in an encoded disclosure, without reading the rest.

    Before it come `["`, a salt of 22 characters and `","`: 27 bytes, which are 36 characters of base64url.
    What is no disclosure gives some name, and is refused by whoever opens it.
    """
    head = encoded[36:96]
    try:
        return urlsafe_b64decode(head + "=" * (-len(head) % 4)).split(b'"', 1)[0].decode("ascii")
    except ValueError:
        return ""


def lines(history: History) -> Iterator[Line]:
    """The history's entries, read strictly.

    Raises:
        HistoryNotSoundError: an entry that cannot be read, or one that is not in its place.
    """
    for place, row in enumerate(history.rows()):
        if row.index != place:
            raise HistoryNotSoundError(f"entry {place} of the log is not there: the next one is {row.index}")
        try:
            yield Line(place, read_entry(row.body), row.disclosures)
        except LedgerError as error:
            raise HistoryNotSoundError(f"entry {place} of the log cannot be read: {error}") from error
