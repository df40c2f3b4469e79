"""Figures for which several entries are read together, along the causes that they name."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from counterseal.ledger.entry import Entry
from counterseal.oversight.figures.rule import SEALED_KIND, Rule

Sightings: TypeAlias = "Iterator[tuple[int, str]]"
Follow: TypeAlias = "Callable[..., Sightings]"


def exigent_by_approval(entries: Mapping[int, Entry], *, rule: Rule, until: datetime) -> Sightings:
    """Each exigent search, and when a supervisor decided on it.

    `before-use`; after the fact `in-time` or `late`, or `not-approved`; with no word yet `waiting` or `overdue`.
    """
    within = timedelta(hours=rule.exigent_hours)
    decided: dict[int, tuple[datetime, str]] = {}
    for entry in entries.values():
        if entry.kind in ("search.approved", "search.not-approved") and entry.public.get("kind") == "exigent":
            for cause in entry.causes:
                decided.setdefault(cause, (entry.at, entry.kind))
    for index, entry in entries.items():
        if entry.kind != SEALED_KIND or entry.public.get("exigency") is not True:
            continue
        if entry.public.get("prior_approval") is True:
            yield index, "before-use"
        elif index in decided:
            at, kind = decided[index]
            timely = "in-time" if at - entry.at <= within else "late"
            yield index, timely if kind == "search.approved" else "not-approved"
        else:
            yield index, "waiting" if until - entry.at <= within else "overdue"


def leads_by_standing(entries: Mapping[int, Entry], *, rule: Rule, until: datetime) -> Sightings:  # noqa: ARG001
    """Each marked lead: `corroborated` when an action on it found independent support, `closed`, or `possible`."""
    standing = {index: "possible" for index, entry in entries.items() if entry.kind == "lead.marked"}
    lead_of = {index: index for index in standing}
    for index in sorted(entries):
        entry = entries[index]
        about = {lead_of[cause] for cause in entry.causes if cause in lead_of}
        if not about or index in standing:
            continue
        # Every later entry about a lead names the one before it: a note, an action, the end.
        if len(about) == 1:
            lead_of[index] = min(about)
        for lead in about:
            if entry.kind == "lead.closed":
                standing[lead] = "closed"
            elif entry.kind == "action.clearance-requested" and entry.outcome == "awaiting-confirmation":
                standing[lead] = "corroborated"
    yield from standing.items()


def opt_outs_honoured(entries: Mapping[int, Entry], *, rule: Rule, until: datetime) -> Sightings:  # noqa: ARG001
    """Each check in which a person declined: `honoured`, or `not-honoured` where a comparison rests on it."""
    compared = {
        cause for entry in entries.values() if entry.kind == "verification.intent" for cause in entry.causes
    }
    for index, entry in entries.items():
        if entry.kind == "optout.checked" and entry.outcome == "declined":
            yield index, "not-honoured" if index in compared else "honoured"


def redress_by_standing(entries: Mapping[int, Entry], *, rule: Rule, until: datetime) -> Sightings:  # noqa: ARG001
    """Each request for redress: `in-time` or `late` where it was answered, else `waiting` or `overdue`."""
    answered = {
        cause: entry
        for entry in entries.values()
        if entry.kind == "redress.answered"
        for cause in entry.causes
    }
    for index, entry in entries.items():
        if entry.kind != "redress.asked":
            continue
        if index in answered:
            yield index, "in-time" if answered[index].public.get("in_time") is True else "late"
        else:
            yield index, "waiting" if until.timestamp() <= _instant(entry, "due") else "overdue"


def program_files(entries: Mapping[int, Entry], *, rule: Rule, until: datetime) -> Sightings:  # noqa: ARG001
    """Each use outside law enforcement: `complete` or `not-complete`, by what was last recorded in its file."""
    latest: dict[object, tuple[int, int]] = {}
    for index in sorted(entries):
        entry = entries[index]
        if entry.kind in ("use.proposed", "use.imported"):
            if entry.public.get("law_enforcement") is False:
                latest[entry.public.get("use")] = (index, 0)
        elif entry.kind in ("program.file-recorded", "program.list-held"):
            latest[entry.public.get("use")] = (index, _instant(entry, "complete_until"))
    for index, complete_until in latest.values():
        yield index, "complete" if until.timestamp() < complete_until else "not-complete"


def _instant(entry: Entry, name: str) -> int:
    """Seconds since 1970 under this public name; 0 where none stand there."""
    value = entry.public.get(name)
    return value if type(value) is int else 0


FOLLOWED: Mapping[str, Follow] = {
    "exigent-by-approval": exigent_by_approval,
    "leads-by-standing": leads_by_standing,
    "opt-outs-honoured": opt_outs_honoured,
    "program-files": program_files,
    "redress-by-standing": redress_by_standing,
}
