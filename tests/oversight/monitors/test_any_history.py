"""Whatever else happened and in whatever order: the same rules are broken, by the same entries."""

from collections.abc import Iterable
from datetime import timedelta

from forging import Act, Forged, Thread, founding, seal, shifted, use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_forged import BOOK, BROKEN

from counterseal.ledger.fsck import LogRow
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.watch import Watched, watch

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNTIL = 24 * 40
LATER: Thread = [Act("case.opened", "ivan", "later", UNTIL)]


def said(rows: list[LogRow], held_to: Expectations) -> Watched:
    return watch(Forged(rows).lines(), (), held_to)


def verdicts(watched: Watched) -> dict[str, str]:
    return {result.rule.id: result.verdict for result in watched.results}


def named(thread: Thread, number: int) -> Thread:
    """The thread again, about other things."""
    text = str(number)

    def fresh(name: str, value: object) -> object:
        return f"{value}~{text}" if name == "case" else value

    return [
        Act(
            act.kind, act.by, f"{act.target}~{text}", act.after, act.outcome,
            tuple(f"{cause}~{text}" for cause in act.causes), act.public,
            {name: fresh(name, value) for name, value in act.committed.items()}, act.policies, act.pack,
            f"{act.label}~{text}" if act.label else "",
        )
        for act in thread
    ]  # fmt: skip


# Threads of the book in which nobody's role changes and nothing is called by a public name: several fit into one log.
PLAIN = [thread for thread in BOOK if not {a.kind for a in thread} & {"role.granted", "service.registered"}]
PLAIN = [thread for thread in PLAIN if not any("duties" in act.committed for act in thread)]
UNRELATED = st.lists(
    st.tuples(st.sampled_from(PLAIN), st.floats(0, 24 * 20, allow_nan=False).map(lambda h: round(h, 3))),
    max_size=6,
)


def put_together(unrelated: Iterable[tuple[Thread, float]]) -> list[Thread]:
    return [shifted(named(thread, n), hours) for n, (thread, hours) in enumerate(unrelated)]


@QUICK
@given(UNRELATED)
def test_threads_by_the_book_hold_in_any_order(
    held_to: Expectations, unrelated: list[tuple[Thread, float]]
) -> None:
    watched = said(seal(founding(), use(), *put_together(unrelated), LATER), held_to)

    assert watched.whole, [r for r in watched.results if r.verdict != "holds"]


@QUICK
@given(st.sampled_from(sorted(BROKEN)), UNRELATED)
def test_unrelated_entries_change_nothing(
    held_to: Expectations, name: str, unrelated: list[tuple[Thread, float]]
) -> None:
    """The same violations with the same words since the same instants, of the same entries."""
    rule, thread = BROKEN[name]
    if rule in ("act-within-role", "not-for-oneself", "use-concurred"):
        unrelated = [(t, hours) for t, hours in unrelated if not {a.by for a in t} & {"sol", "ivan"}]
    if rule == "use-concurred":
        unrelated = []  # what runs under the same use is not unrelated

    def violations(*more: Thread) -> list[tuple[object, ...]]:
        rows = seal(founding(), use(), thread, *more, LATER)
        [result] = [r for r in said(rows, held_to).results if r.violations]
        entries = [line.entry for line in Forged(rows).lines()]
        return [
            (v.since, v.says, tuple((entries[i].at, entries[i].kind) for i in v.entries))
            for v in result.violations
        ]

    assert violations() == violations(*put_together(unrelated))


@QUICK
@given(st.data(), st.sampled_from(["", *sorted(BROKEN)]))
def test_closing_openings_never_lies(held_to: Expectations, data: st.DataObject, name: str) -> None:
    """What is closed can only make a monitor say that it does not know: no false alarm, and no false comfort."""
    threads = BOOK if not name else [BROKEN[name][1]]
    rows = seal(founding(), use(), *threads, LATER)
    whole = verdicts(said(rows, held_to))
    closed = [
        LogRow(row.index, row.body, tuple(d for d in row.disclosures if data.draw(st.integers(0, 9)) > 1))
        for row in rows
    ]
    less = verdicts(said(closed, held_to))

    assert all(less[rule] in (verdict, "not-evaluated") for rule, verdict in whole.items()), {
        rule: (verdict, less[rule])
        for rule, verdict in whole.items()
        if less[rule] not in (verdict, "not-evaluated")
    }


def test_with_nothing_opened_only_the_public_rules_are_judged(held_to: Expectations) -> None:
    """What needs no opening is judged by anybody; the rest is not passed over."""
    rows = [LogRow(row.index, row.body) for row in seal(founding(), use(), *BOOK)]

    found = verdicts(said(rows, held_to))

    assert {rule for rule, verdict in found.items() if verdict == "holds"} == {
        "intent-has-outcome", "lead-noted", "pack-in-force", "key-in-force", "no-means-no",
    }  # fmt: skip
    assert "violated" not in found.values()


def test_waiting_becomes_a_violation_when_the_time_is_over(held_to: Expectations) -> None:
    """The same entries, judged later."""
    rows = seal(founding(), use(), BROKEN["nobody ratified"][1])
    lines = list(Forged(rows).lines())
    intent = next(line for line in lines if line.entry.kind == "search.intent")
    due = intent.entry.at + held_to.ratified_within

    before = watch(lines, (), held_to, until=due)
    after = watch(lines, (), held_to, until=due + timedelta(microseconds=1))

    assert [r.waiting for r in before.results if r.waiting] == [(intent.index,)]
    assert before.clean
    assert [v.since for r in after.results for v in r.violations] == [due]
