"""Searches: an exigent use gets a supervisor's word in time, and every intent an outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from counterseal.ledger.intents import OpenIntents
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.history import Line
from counterseal.oversight.monitors.monitor import Monitor, Rule, words
from counterseal.oversight.monitors.roles import RoleBook

INTENT, APPROVED, NOT_APPROVED = "search.intent", "search.approved", "search.not-approved"
EXIGENT = "exigent"


@dataclass(frozen=True, slots=True)
class _Use:
    index: int
    at: datetime
    by: str | None


class ExigentUseRatified(Monitor):
    """Each exigent use: approved before by somebody else, or ratified afterwards, in time, by somebody else."""

    rule = Rule(
        "exigent-use-ratified",
        "HSI-M/4C3-exigent-approval",
        "Every exigent use was approved before, or ratified in time afterwards, by a person other than the one who "
        "made it.",
        "Whether two ids belong to one person.",
    )
    kinds = frozenset({INTENT, APPROVED, NOT_APPROVED})

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._waiting: dict[int, _Use] = {}
        self._approved: dict[str, _Use] = {}
        self._unnamed_approval = False

    def follow(self, line: Line) -> None:
        """One step."""
        if line.entry.kind == INTENT:
            if line.entry.public.get("exigency") is True:
                self._used(line)
        elif line.code("kind") == EXIGENT:
            self._decided(line)

    def _used(self, line: Line) -> None:
        self.checked += 1
        use = _Use(line.index, line.entry.at, line.maybe("initiator"))
        if line.entry.public.get("prior_approval") is not True:
            self._waiting[line.index] = use
            return
        before = self._approved.get(line.text("target"))
        if before is not None:
            self._by_another(use, before)
        elif self._unnamed_approval:
            self.cannot_judge(line.index)
        else:
            self.violated(
                "an exigent use says that it was approved before, and the log has no such approval",
                line.index,
                since=line.entry.at,
            )

    def _decided(self, line: Line) -> None:
        word = _Use(line.index, line.entry.at, line.maybe("initiator"))
        uses = [self._waiting.pop(cause) for cause in line.entry.causes if cause in self._waiting]
        for use in uses:
            due = use.at + self.expects.ratified_within
            if line.entry.kind == NOT_APPROVED:
                self.violated(
                    "the supervisor did not approve an exigent use that had been made",
                    use.index,
                    line.index,
                    since=line.entry.at,
                )
            elif line.entry.at > due:
                self.violated(
                    f"an exigent use was ratified only after {words(line.entry.at - use.at)}",
                    use.index,
                    line.index,
                    since=due,
                )
            self._by_another(use, word)
        if not uses and line.entry.kind == APPROVED:
            request = line.maybe("target")
            if request is None:
                self._unnamed_approval = True
            else:
                self._approved.setdefault(request, word)

    def _by_another(self, use: _Use, word: _Use) -> None:
        if use.by is None or word.by is None:
            self.cannot_judge(use.index)
        elif use.by == word.by:
            first, last = sorted((use, word), key=lambda each: each.index)
            self.violated(
                "whoever made an exigent use approved it as well", first.index, last.index, since=last.at
            )

    def end(self, until: datetime) -> Iterable[int]:
        """What nobody decided on in time is broken since then."""
        within = self.expects.ratified_within
        for use in self._waiting.values():
            if until > use.at + within:
                self.violated(
                    f"nobody decided on an exigent use within {words(within)}",
                    use.index,
                    since=use.at + within,
                )
            else:
                yield use.index


class IntentHasOutcome(Monitor):
    """Each intent, of a search or anything else: what came of it is sealed soon after."""

    rule = Rule(
        "intent-has-outcome",
        "HSI-M/4E1-log",
        "Every intent that was sealed is answered by a sealed outcome or failure.",
        "A use that went round the gateway has no intent.",
    )

    def __init__(self, expects: Expectations, roles: RoleBook) -> None:
        """Nothing seen yet."""
        super().__init__(expects, roles)
        self._intents = OpenIntents()
        self._sealed_at: dict[int, datetime] = {}

    def wants(self, kind: str) -> bool:
        """Intents and their ends."""
        return kind.endswith((".intent", ".outcome", ".failed"))

    def follow(self, line: Line) -> None:
        """One step."""
        for index in self._intents.see(line.index, line.entry):
            due = self._sealed_at.pop(index) + self.expects.answered_within
            if line.entry.at > due:
                self.violated("an intent was answered too late", index, line.index, since=due)
        if line.entry.kind.endswith(".intent"):
            self.checked += 1
            self._sealed_at[line.index] = line.entry.at

    def end(self, until: datetime) -> Iterable[int]:
        """What has no outcome after its time is broken since then; it stays open for ever."""
        within = self.expects.answered_within
        for index in self._intents.open:
            due = self._sealed_at[index] + within
            if until > due:
                self.violated(f"an intent has no outcome after {words(within)}", index, since=due)
            else:
                yield index
