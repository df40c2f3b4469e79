"""Every signal of a period, the most striking first."""

from datetime import datetime

from counterseal.oversight.signals.comparisons import of_people
from counterseal.oversight.signals.dragnet import over_the_whole
from counterseal.oversight.signals.limits import replayed
from counterseal.oversight.signals.rows import History, Signal
from counterseal.policy import SignalRule


def signals_of(history: History, rule: SignalRule, *, since: datetime, until: datetime) -> list[Signal]:
    """What should be looked at of the searches from `since` on, before `until`.

    history: reaches as far before `since` as others and one's own past are looked at (`SignalRule.base`). Each kind
    comes once for each thing that it is about; the same history gives the same list.
    """
    in_period = {s.entry for s in history.searches if since <= s.at < until}
    found = [s for s in replayed(history.searches, rule) if in_period & set(s.entries)]
    found += of_people(history, rule, since=since, until=until)
    found += over_the_whole(history, rule, since=since, until=until)
    return sorted(found, key=lambda s: (-s.times, s.kind, s.about))
