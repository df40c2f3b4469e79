"""Histories that the gateway would refuse to make: acts in words, sealed into real entries with real openings.

An act names its causes by label and its instant by hours since its thread began, so that threads can be put
together in any order. `seal` sorts them by instant and makes the entries.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from counterseal.ledger.entry import Reason, make_entry
from counterseal.ledger.fsck import LogRow
from counterseal.oversight.monitors.expectations import Expectations, Period
from counterseal.oversight.monitors.history import Line, lines

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
PACK = "sha256:" + "7" * 64
OLD_PACK = "sha256:" + "5" * 64
OFFICES = ("privacy", "civil-rights", "information-officer")
# Who holds what in the forged agency; `ada` founds it.
ROLES = {
    "ines": "investigator",
    "ivan": "investigator",
    "exa": "examiner",
    "sol": "supervisor",
    "rue": "reviewing-unit",
    "dis": "disclosure-officer",
    "arc": "records-office",
    "gail": "gate-operator",
    "tess": "training-office",
    "pat": "privacy",
    "cora": "civil-rights",
    "cio": "information-officer",
}


@dataclass(frozen=True)
class Act:
    """One entry to be. after: hours since its thread began. label: what later acts call it."""

    kind: str
    by: str
    target: str
    after: float = 0
    outcome: str = "done"
    causes: tuple[str, ...] = ()
    public: Mapping[str, object] = field(default_factory=dict)
    committed: Mapping[str, object] = field(default_factory=dict)
    policies: tuple[str, ...] = ()
    pack: str = PACK
    label: str = ""


Thread = list[Act]


def shifted(thread: Iterable[Act], hours: float) -> Thread:
    """The thread, begun so much later."""
    return [replace(act, after=act.after + hours) for act in thread]


def seal(*threads: Iterable[Act]) -> list[LogRow]:
    """The entries of these threads, in the order of their instants."""
    acts = sorted((act for thread in threads for act in thread), key=lambda act: act.after)
    places = {act.label: index for index, act in enumerate(acts) if act.label}
    rows = []
    for index, act in enumerate(acts):
        sealed = make_entry(
            kind=act.kind,
            at=BEGIN + timedelta(hours=act.after),
            outcome=act.outcome,
            reason=Reason(act.pack, act.policies, ()),
            causes=[places[label] for label in act.causes],
            public=act.public,  # type: ignore[arg-type]
            committed={
                "initiator": act.by,
                "action": "act",
                "target": act.target,
                "rows": [],
                **act.committed,  # type: ignore[dict-item]
            },
            salt=_salts(index),
        )
        rows.append(LogRow(index, sealed.body, tuple(d.encoded for d in sealed.disclosures)))
    return rows


def _salts(index: int) -> Callable[[], bytes]:
    number = iter(range(99))
    return lambda: hashlib.sha256(f"{index}/{next(number)}".encode()).digest()[:16]


@dataclass
class Forged:
    """A history on the reader port."""

    stored: list[LogRow]
    signed: tuple[tuple[str, bytes], ...] = ()

    def rows(self) -> list[LogRow]:
        """Every entry."""
        return self.stored

    def notes(self) -> tuple[tuple[str, bytes], ...]:
        """The checkpoints."""
        return self.signed

    def lines(self) -> Iterable[Line]:
        """Every entry, read."""
        return lines(self)


def expects(roles: Mapping[str, frozenset[str]]) -> Expectations:
    """What forged histories are held to. roles: by kind."""
    return Expectations(
        roles=roles,
        packs={
            PACK: (Period(BEGIN - timedelta(days=9)),),
            OLD_PACK: (Period(BEGIN - timedelta(days=9), BEGIN),),
        },
        offices=frozenset(OFFICES),
        kept=frozenset({"potential-lead"}),
    )


# --- Threads by the book --------------------------------------------------------------------------------


def founding() -> Thread:
    """The log is opened and everybody has their role, before any other thread begins."""
    rows = [["people.person", "ada", "0" * 64], ["people.rolegrant", "grant-0", "0" * 64]]
    acts = [Act("log.opened", "founding", "log", after=-48, committed={"rows": rows})]
    return acts + [grant(person, role, by="ada", after=-40) for person, role in ROLES.items()]


def grant(person: str, role: str, *, by: str, after: float) -> Act:
    """A role is given."""
    return Act("role.granted", by, person, after=after, public={"role": role})


def revoke(person: str, role: str, *, by: str, after: float) -> Act:
    """A role is taken."""
    return Act("role.revoked", by, person, after=after, public={"role": role})


def use(name: str = "use", *, proposer: str = "sol") -> Thread:
    """A use that three offices concurred in, before any search."""
    acts = [Act("use.proposed", proposer, name, after=-30, public={"use": name}, label=f"{name}/proposed")]
    for number, (person, office) in enumerate(zip(("pat", "cora", "cio"), OFFICES, strict=True)):
        status = "active" if number == 2 else "under-review"
        public = {"use": name, "office": office, "status": status, "round": 1}
        acts.append(Act("use.reviewed", person, name, after=-29 + number, outcome="concurs", public=public))
    return acts


def search(name: str, *, by: str = "ines", exigent: bool = False, prior: bool = False) -> Thread:
    """A request, an intent, an answer."""
    public = {"mode": "identification", "exigency": exigent, "prior_approval": prior, "use": "use"}
    return [
        Act("search.requested", by, name, after=0, public={"exigency": exigent}, label=f"{name}/requested"),
        Act(
            "search.intent", by, name, 1, "permitted", (f"{name}/requested",), public, label=f"{name}/intent"
        ),
        Act("search.outcome", by, name, 1.01, "answered", (f"{name}/intent",), label=f"{name}/outcome"),
    ]


def approval(
    name: str, *, by: str = "sol", after: float = 5, granted: bool = True, before: bool = False
) -> Act:
    """A supervisor's word on an exigent use."""
    return Act(
        "search.approved" if granted else "search.not-approved",
        by,
        name,
        after,
        "granted" if granted else "refused",
        () if before else (f"{name}/intent",),
        {"kind": "exigent"},
    )


def review(name: str, turn: int, by: str, *, judgement: str = "potential-lead", after: float = 2) -> Thread:
    """One reviewer opens, judges one candidate, locks."""
    opened = f"{name}/opened-{turn}"
    some = "some-kept" if judgement == "potential-lead" else "none-of-these"
    public = {"turn": turn}
    return [
        Act("review.opened", by, f"{name}/list", after, "done", (f"{name}/outcome",), public, label=opened),
        Act("candidate.disposed", by, f"{name}/candidate", after + 0.1, judgement, (opened,), public),
        Act("review.locked", by, f"{name}/list", after + 0.2, some, (opened,), public, label=f"{name}/locked-{turn}"),
    ]  # fmt: skip


def compared(name: str, *, outcome: str = "consistent") -> Act:
    """The candidate is held against other information."""
    return Act("candidate.compared", "ines", f"{name}/candidate", 4, outcome, label=f"{name}/compared")


def marked(name: str, causes: tuple[str, ...] = ("compared", "locked-1", "locked-2")) -> Act:
    """A lead is marked on these."""
    return Act("lead.marked", "ines", f"{name}/lead", 5, "possible-lead", tuple(f"{name}/{c}" for c in causes),
               label=f"{name}/marked")  # fmt: skip


def noted(name: str, *, after: float = 6) -> Act:
    """The lead gets into a report."""
    return Act("lead.noted", "ines", f"{name}/lead", after, causes=(f"{name}/marked",), label=f"{name}/noted")


def lead(name: str) -> Thread:
    """A whole lead by the book."""
    return [
        *search(name),
        *review(name, 1, "ines"),
        *review(name, 2, "exa", after=3),
        compared(name),
        marked(name),
        noted(name),
    ]


COUNTS, DERIVED = ["evidence-1", True, "independent"], ["evidence-2", False, "descends from face recognition"]


def action(
    name: str, *, asked_by: str = "ines", by: str = "sol", weighed: object = (COUNTS, DERIVED),
    policies: tuple[str, ...] = ("hsi-clear-action",), asked: bool = True,
) -> Thread:  # fmt: skip
    """An action asked for and confirmed on a lead."""
    support = {"weighed": [list(item) for item in weighed]}  # type: ignore[attr-defined]
    asking = Act("action.clearance-requested", asked_by, f"{name}/action", 7, "awaiting-confirmation",
                 (f"{name}/noted",), {"kind": "arrest"}, support, policies, label=f"{name}/asked")  # fmt: skip
    cleared = Act("action.cleared", by, f"{name}/action", 8, "cleared", (f"{name}/noted",), {"kind": "arrest"},
                  support, policies)  # fmt: skip
    return [asking, cleared] if asked else [cleared]


def disclosure(name: str, *, begins: float = -5, ends: float = 24 * 90, policies: tuple[str, ...] = ("hsi-disclosure",),
               authority: str = "statute") -> Act:  # fmt: skip
    """Something is handed out."""
    dates = {
        "authority_from": (BEGIN + timedelta(hours=begins)).isoformat(),
        "authority_until": (BEGIN + timedelta(hours=ends)).isoformat(),
    }
    public = {"authority": authority} if authority else {}
    return Act("information.disclosed", "dis", name, 1, public=public, committed=dates, policies=policies,
               label=f"{name}/disclosed")  # fmt: skip


def package(name: str, *, after: float = 2, under: bool = True, authority: str = "statute") -> Act:
    """A package is written under it."""
    return Act("discovery.released", "dis", name, after, causes=(f"{name}/disclosed",) if under else (),
               public={"authority": authority, "files": 3}, policies=("hsi-disclosure",))  # fmt: skip


def check(name: str, *, outcome: str = "not-declined", who_may: str = "everyone", of_use: str = "use") -> Act:
    """Somebody is asked whether they decline."""
    return Act("optout.checked", "gail", of_use, 1, outcome, public={"use": of_use, "who_may": who_may},
               label=f"{name}/check")  # fmt: skip


def claim(name: str, *, checked: bool = True, after: float = 1.1) -> Thread:
    """A claim is compared."""
    causes = (f"{name}/check",) if checked else ()
    intent = Act("verification.intent", "gail", name, after, "permitted", causes, {"use": "use"},
                 label=f"{name}/{after}")  # fmt: skip
    return [intent, Act("verification.outcome", "gail", "use", after + 0.1, "verified", (f"{name}/{after}",))]


def hold(name: str, about: str, *, after: float = 1) -> Act:
    """A hold is placed."""
    return Act("hold.placed", "arc", about, after, public={"kind": "litigation"}, label=f"{name}/hold")


def lifted(name: str, *, after: float = 2) -> Act:
    """It is lifted."""
    return Act(
        "hold.lifted",
        "arc",
        f"{name}/anything",
        after,
        causes=(f"{name}/hold",),
        public={"kind": "litigation"},
    )


def destroyed(record: str, case: str, *, after: float = 3) -> Act:
    """The objects of a record are destroyed."""
    return Act("record.destroyed", "arc", record, after, public={"objects": 2}, committed={"case": case})


def with_duty(acts: Thread, name: str, kind: str = "supervisor-review", *, due: float = 100) -> Thread:
    """The intent among these acts opens a duty."""
    when = (BEGIN + timedelta(hours=due)).isoformat()
    duty = [f"{name}/duty", kind, "HSI-M/4E4-supervisor-review", when]
    row = ["oversight.duty", f"{name}/duty", "0" * 64]
    return [
        replace(act, committed={"duties": [duty], "rows": [row]}) if act.kind == "search.intent" else act
        for act in acts
    ]


def duty_done(name: str, *, by: str = "sol", after: float = 50) -> Act:
    """The duty's row is sealed again, closed."""
    row = ["oversight.duty", f"{name}/duty", "0" * 64]
    return Act("search.reviewed", by, name, after, committed={"rows": [row], "duties": []})
