"""For each monitor histories that the gateway refuses to make: each violates exactly the rule that it breaks."""

from dataclasses import replace
from datetime import timedelta

import pytest
from forging import (
    BEGIN,
    COUNTS,
    DERIVED,
    OLD_PACK,
    Act,
    Forged,
    Thread,
    action,
    approval,
    check,
    claim,
    compared,
    destroyed,
    disclosure,
    duty_done,
    founding,
    grant,
    hold,
    lead,
    lifted,
    marked,
    noted,
    package,
    review,
    revoke,
    seal,
    search,
    use,
    with_duty,
)

from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.oversight.monitors.expectations import Expectations
from counterseal.oversight.monitors.table import MONITORS
from counterseal.oversight.monitors.watch import Watched, watch

OLD, NEW = (Signer.from_seed("log.example", bytes([n]) * 32) for n in (1, 2))


def rotation(old: Signer, new: Signer, *, after: float = 1) -> Act:
    """The log's key is changed."""
    public = {"old_key_id": old.verifier.key_id.hex(), "new_vkey": new.vkey}
    return Act("log.key-rotated", "ada", "log", after, "rotated", public=public)


def without(thread: Thread, *kinds: str) -> Thread:
    """The thread without acts of these kinds."""
    return [act for act in thread if act.kind not in kinds]


def under(pack: str, thread: Thread) -> Thread:
    """The thread, decided under another policy set."""
    return [replace(act, pack=pack) for act in thread]


def by(person: str, thread: Thread, *kinds: str) -> Thread:
    """The thread, with acts of these kinds made by somebody else."""
    return [replace(act, by=person) if act.kind in kinds else act for act in thread]


BOOK = (
    search("s"),
    [*search("x", exigent=True), approval("x")],
    [*search("y", exigent=True, prior=True), approval("y", after=0.5, before=True)],
    lead("a"),
    [*lead("b"), *action("b")],
    [disclosure("d"), package("d")],
    [check("c"), *claim("c")],
    [check("no", outcome="declined")],
    [hold("h", "case-1"), lifted("h"), destroyed("probe-1", "case-1")],
    [hold("g", "case-2"), destroyed("probe-2", "case-1")],
    [*with_duty(search("w"), "w"), duty_done("w")],
    [*with_duty(search("v"), "v", "note-result"), duty_done("v")],
    [grant("zoe", "supervisor", by="ada", after=0.2), *search("z", exigent=True), approval("z", by="zoe")],
    [
        Act("service.registered", "ines", "svc", 0, public={"service": "svc"}),
        Act("service.decided", "rue", "svc", 2, "approved", public={"service": "svc"}),
    ],
)

ADMIN = "administrator"
# name -> the monitor that it breaks, and what happens beside the founding and the use
BROKEN: dict[str, tuple[str, Thread]] = {
    "nobody ratified": ("exigent-use-ratified", search("x", exigent=True)),
    "ratified too late": ("exigent-use-ratified", [*search("x", exigent=True), approval("x", after=25.5)]),
    "not approved afterwards": (
        "exigent-use-ratified", [*search("x", exigent=True), approval("x", granted=False)],
    ),
    "an approval before that nobody gave": ("exigent-use-ratified", search("x", exigent=True, prior=True)),
    "an approval before of another request": (
        "exigent-use-ratified",
        [*search("x", exigent=True, prior=True), approval("other", after=0.5, before=True), *search("other")],
    ),
    "no outcome": ("intent-has-outcome", without(search("s"), "search.outcome")),
    "an outcome a day late": (
        "intent-has-outcome",
        [replace(a, after=30) if a.kind == "search.outcome" else a for a in search("s")],
    ),
    "an outcome of another intent": (
        "intent-has-outcome",
        [*without(search("s"), "search.outcome"), *search("t"),
         Act("search.outcome", "ines", "s", 2, "answered", ("t/intent",))],
    ),
    "one review": (
        "two-reviewers-before-lead",
        [*search("a"), *review("a", 1, "ines"), compared("a"), marked("a", ("compared", "locked-1")), noted("a")],
    ),
    "one person twice": (
        "two-reviewers-before-lead",
        [*search("a"), *review("a", 1, "ines"), *review("a", 2, "ines", after=3), compared("a"), marked("a"),
         noted("a")],
    ),
    "a review that kept nothing": (
        "two-reviewers-before-lead",
        [*search("a"), *review("a", 1, "ines"), *review("a", 2, "exa", judgement="excluded", after=3), compared("a"),
         marked("a"), noted("a")],
    ),
    "reviews that kept another candidate": (
        "two-reviewers-before-lead",
        [replace(a, target="another") if a.kind == "candidate.compared" else a for a in lead("a")],
    ),
    "reviews of two lists": (
        "two-reviewers-before-lead",
        [*search("o"),
         *(replace(a, causes=("o/outcome",)) if a.label == "a/opened-2" else a for a in lead("a"))],
    ),
    "a lead before the second review was locked": (
        "two-reviewers-before-lead",
        [*search("a"), *review("a", 1, "ines"), *review("a", 2, "exa", after=8), compared("a"),
         marked("a", ("compared", "locked-1", "opened-1")), noted("a")],
    ),
    "a comparison that does not fit": (
        "two-reviewers-before-lead",
        [*search("a"), *review("a", 1, "ines"), *review("a", 2, "exa", after=3), compared("a", outcome="inconsistent"),
         marked("a"), noted("a")],
    ),
    "no report": ("lead-noted", without(lead("a"), "lead.noted")),
    "a report too late": (
        "lead-noted", [replace(a, after=5 + 15 * 24) if a.kind == "lead.noted" else a for a in lead("a")],
    ),
    "support that descends from a face": (
        "action-on-independent-support", [*lead("a"), *action("a", weighed=(DERIVED,))],
    ),
    "no support": ("action-on-independent-support", [*lead("a"), *action("a", weighed=())]),
    "an action without a permit": ("action-on-independent-support", [*lead("a"), *action("a", policies=())]),
    "an action that nobody asked for": (
        "action-on-independent-support",
        [*lead("a"), *action("a", asked=False), *lead("b"), *action("b", weighed=(COUNTS,))],
    ),
    "a disclosure without a permit": ("disclosure-on-authority", [disclosure("d", policies=())]),
    "a disclosure without an authority": ("disclosure-on-authority", [disclosure("d", authority="")]),
    "an authority that had run out": ("disclosure-on-authority", [disclosure("d", ends=0.5)]),
    "an authority that had not begun": ("disclosure-on-authority", [disclosure("d", begins=1.5)]),
    "a package after its authority": (
        "disclosure-on-authority", [disclosure("d", ends=1.5), package("d", after=2)],
    ),
    "a package under nothing": ("disclosure-on-authority", [disclosure("d"), package("d", under=False)]),
    "a package under another authority": (
        "disclosure-on-authority", [disclosure("d"), package("d", authority="regulation")],
    ),
    "approved by one's own grantee": (
        "not-for-oneself",
        [grant("ines", ADMIN, by="ada", after=-1), grant("mia", "supervisor", by="ines", after=2),
         *search("x", exigent=True), approval("x", by="mia")],
    ),
    "approved through a chain of three": (
        "not-for-oneself",
        [grant("ines", ADMIN, by="ada", after=-1), grant("b", ADMIN, by="ines", after=1.1),
         grant("c", ADMIN, by="b", after=1.2), grant("mia", "supervisor", by="c", after=1.3),
         revoke("b", ADMIN, by="ada", after=1.4), revoke("c", ADMIN, by="ada", after=1.4),
         *search("x", exigent=True), approval("x", by="mia")],
    ),
    "a role taken away and given again by the one who asks": (
        "not-for-oneself",
        [grant("ines", ADMIN, by="ada", after=-1), revoke("sol", "supervisor", by="ada", after=2),
         grant("sol", "supervisor", by="ines", after=3), *search("x", exigent=True), approval("x")],
    ),
    "a service approved by whom its registrar made a reviewer": (
        "not-for-oneself",
        [grant("ines", ADMIN, by="ada", after=-1),
         Act("service.registered", "ines", "svc", 0, public={"service": "svc"}),
         grant("nat", "reviewing-unit", by="ines", after=1),
         Act("service.decided", "nat", "svc", 2, "approved", public={"service": "svc"})],
    ),
    "a service approved by its registrar": (
        "not-for-oneself",
        [Act("service.registered", "rue", "svc", 0, public={"service": "svc"}),
         Act("service.decided", "rue", "svc", 2, "approved-with-conditions", public={"service": "svc"})],
    ),
    "a change of packs confirmed by its proposer": (
        "not-for-oneself",
        [Act("policy.change-proposed", "pat", "change-1", 1, "activate", public={"pack": "p"}),
         Act("policy.changed", "pat", "change-1", 2, "in-effect", public={"pack": "p", "kind": "activate"})],
    ),
    "a search reviewed by whom its maker made a supervisor": (
        "not-for-oneself",
        [grant("ines", ADMIN, by="ada", after=-1), grant("mia", "supervisor", by="ines", after=2), *search("x"),
         Act("supervision.reviewed", "mia", "x", 3, "in-order")],
    ),
    "a certificate for oneself": ("not-for-oneself", [Act("certificate.recorded", "tess", "tess", 1)]),
    "a role for oneself": ("not-for-oneself", [grant("ada", "auditor", by="ada", after=1)]),
    "a search by no investigator": ("act-within-role", by("sol", search("s"), "search.requested", "search.intent")),
    "a case by a role that was taken": (
        "act-within-role", [revoke("ivan", "investigator", by="ada", after=0), Act("case.opened", "ivan", "case", 1)],
    ),
    "a role given by no administrator": ("act-within-role", [grant("zoe", "auditor", by="sol", after=1)]),
    "a hold lifted by a stranger": (
        "act-within-role", [hold("h", "case-1"), replace(lifted("h"), by="stranger")],
    ),
    "a word for an office that is not one's own": (
        "act-within-role",
        [Act("use.proposed", "sol", "two", 0, public={"use": "two"}),
         Act("use.reviewed", "pat", "two", 1, "concurs",
             public={"use": "two", "office": "civil-rights", "status": "under-review", "round": 1})],
    ),
    "a pack that had ended": ("pack-in-force", under(OLD_PACK, search("s"))),
    "a face of somebody who declined": ("no-means-no", [check("c", outcome="declined"), *claim("c")]),
    "a face that nobody asked": ("no-means-no", claim("c", checked=False)),
    "a check in another use": ("no-means-no", [check("c", of_use="other"), *claim("c")]),
    "one check for two": ("no-means-no", [check("c"), *claim("c"), *claim("c", after=2)]),
    "a camera on somebody who declined": (
        "no-means-no",
        [check("c", outcome="declined"),
         Act("verification.not-acquired", "gail", "use", 1.1, "no-face", ("c/check",), {"use": "use"})],
    ),
    "destroyed under a hold on the record": (
        "not-destroyed-under-hold", [hold("h", "probe-1"), destroyed("probe-1", "case-1")],
    ),
    "destroyed under a hold on the case": (
        "not-destroyed-under-hold", [hold("h", "case-1"), destroyed("probe-1", "case-1")],
    ),
    "the wrong hold was lifted": (
        "not-destroyed-under-hold",
        [hold("h", "case-1"), hold("g", "case-1"), lifted("g"), destroyed("probe-1", "case-1")],
    ),
    "a duty closed too late": ("duty-closed-in-time", [*with_duty(search("w"), "w"), duty_done("w", after=101)]),
    "a duty that nobody closed": ("duty-closed-in-time", with_duty(search("w"), "w", due=3)),
    "a duty put off": (
        "duty-closed-in-time",
        [*with_duty(search("w"), "w", due=3), replace(with_duty(search("w2"), "w", due=99)[1], causes=()),
         Act("search.outcome", "ines", "w2", 1.1, "answered", ("w2/intent",)), duty_done("w", after=50)],
    ),
    "a duty closed by whom it came from": (
        "duty-closed-in-time",
        [grant("ines", "supervisor", by="ada", after=-1), *with_duty(search("w"), "w"), duty_done("w", by="ines")],
    ),
    "a use on two words": (
        "use-concurred",
        [replace(a, after=a.after + 30) for a in use("two") if a.public.get("office") != "civil-rights"],
    ),
    "a use on the word of its proposer": ("not-for-oneself", [
        grant("pat", "supervisor", by="ada", after=-31),
        *(replace(a, after=a.after - 0.5) for a in use("two", proposer="pat")),
    ]),
    "a use on one person's word for two offices": ("use-concurred", [
        grant("pat", "civil-rights", by="ada", after=-31),
        *(replace(a, by="pat") if a.public.get("office") == "civil-rights" else a for a in use("two")),
    ]),
    "a search after the use was suspended": ("use-concurred", [
        Act("use.suspended", "pat", "use", 0.5, public={"use": "use"}), *search("s"),
    ]),
    "a search after the use had changed": ("use-concurred", [
        Act("use.changed", "sol", "use", 0.5, "purpose", public={"use": "use", "round": 2}), *search("s"),
    ]),
    "a retired key comes back": (
        "key-in-force", [rotation(OLD, NEW), rotation(NEW, OLD, after=2)],
    ),
    "a change of key that skips one": (
        "key-in-force", [rotation(OLD, NEW), rotation(OLD, Signer.from_seed("log.example", b"3" * 32), after=2)],
    ),
}  # fmt: skip


def watched(held_to: Expectations, *threads: Thread, notes: tuple[tuple[str, bytes], ...] = ()) -> Watched:
    """What the monitors say of a forged history."""
    history = Forged(seal(founding(), use(), *threads), notes)
    return watch(history.lines(), history.notes(), held_to)


def test_by_the_book_everything_holds(held_to: Expectations) -> None:
    """And every monitor that the book gives something to do has done it."""
    said = watched(held_to, *BOOK)

    assert said.whole, [(r.rule.id, r.violations, r.closed) for r in said.results if r.verdict != "holds"]
    assert [r.rule.id for r in said.results if not r.checked] == ["key-in-force"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_forged_history_violates_exactly_its_rule(name: str, held_to: Expectations) -> None:
    rule, thread = BROKEN[name]
    # Something later, so that what is overdue is overdue.
    said = watched(held_to, thread, [Act("case.opened", "ivan", "later", 24 * 30)])

    broken = [r for r in said.results if r.violations]
    assert [rule] == [r.rule.id for r in broken], [(r.rule.id, r.violations) for r in broken]
    assert not said.clean
    for violation in broken[0].violations:
        assert list(violation.entries) == sorted(violation.entries)
        assert BEGIN - timedelta(hours=48) <= violation.since <= said.until


def test_every_monitor_is_attacked() -> None:
    assert {made.rule.id for made in MONITORS} == {rule for rule, _ in BROKEN.values()}
    assert len(MONITORS) == len({made.rule.id for made in MONITORS}) == 14


def test_after_an_act_on_packs_that_is_not_known_nothing_is_said_of_packs(held_to: Expectations) -> None:
    """An auditor whose packs do not know the act must not take the old set for the one in force."""
    act = Act("policy.changed", "pat", "change-1", 0.5, "in-effect", public={"pack": "p", "kind": "withdraw"})
    known = replace(held_to, acts=frozenset({BEGIN + timedelta(hours=0.5)}))

    verdicts = [
        next(r.verdict for r in watched(expects, [act], search("s")).results if r.rule.id == "pack-in-force")
        for expects in (held_to, known)
    ]

    assert verdicts == ["not-evaluated", "holds"]


class TestKeys:
    def signed(self, size: int, *signers: Signer) -> tuple[str, bytes]:
        """A kept checkpoint of this size."""
        return f"checkpoints/{size}", sign_checkpoint(Checkpoint("log.example", size, bytes(32)), *signers)

    def broken(self, held_to: Expectations, *notes: tuple[str, bytes]) -> int:
        """How many violations these checkpoints are, beside one change of key at the end of the log."""
        said = watched(held_to, [rotation(OLD, NEW)], notes=notes)
        assert [r.rule.id for r in said.results if r.violations] in ([], ["key-in-force"])
        return sum(len(r.violations) for r in said.results)

    def test_the_checkpoint_of_the_change_bears_both_keys(self, held_to: Expectations) -> None:
        size = len(seal(founding(), use())) + 1

        assert (
            self.broken(held_to, self.signed(size, OLD, NEW), self.signed(size + 9, NEW), self.signed(2, OLD))
            == 0
        )

    def test_a_retired_key_signs_no_later_checkpoint(self, held_to: Expectations) -> None:
        size = len(seal(founding(), use())) + 1

        assert self.broken(held_to, self.signed(size + 1, OLD)) == 1

    def test_a_new_key_signs_no_earlier_checkpoint(self, held_to: Expectations) -> None:
        assert self.broken(held_to, self.signed(3, NEW)) == 1


class TestChains:
    """What is, and what is not, a role that goes back to whoever asked."""

    def said(self, held_to: Expectations, *acts: Act) -> str:
        said = watched(held_to, [*acts, *search("x", exigent=True)])
        return next(r.verdict for r in said.results if r.rule.id == "not-for-oneself")

    def test_a_role_given_before_the_question_owes_nothing(self, held_to: Expectations) -> None:
        """Else nobody could ever approve for whoever runs the roles."""
        said = self.said(
            held_to,
            grant("ines", ADMIN, by="ada", after=-2),
            grant("mia", "supervisor", by="ines", after=-1),
            approval("x", by="mia"),
        )

        assert said == "holds"

    def test_another_role_given_since_owes_nothing(self, held_to: Expectations) -> None:
        """The approver is a supervisor of somebody else's making."""
        said = self.said(
            held_to,
            grant("ines", ADMIN, by="ada", after=-2),
            grant("sol", "auditor", by="ines", after=2),
            approval("x"),
        )

        assert said == "holds"

    def test_a_chain_that_began_before_the_question_owes_nothing(self, held_to: Expectations) -> None:
        """The question's author made an administrator long ago; what that one does since is theirs."""
        said = self.said(
            held_to,
            grant("ines", ADMIN, by="ada", after=-2),
            grant("b", ADMIN, by="ines", after=-1),
            grant("mia", "supervisor", by="b", after=2),
            approval("x", by="mia"),
        )

        assert said == "holds"

    def test_a_chain_survives_that_a_link_lost_its_role(self, held_to: Expectations) -> None:
        said = self.said(
            held_to,
            grant("ines", ADMIN, by="ada", after=-2),
            grant("b", ADMIN, by="ines", after=2),
            grant("mia", "supervisor", by="b", after=2.5),
            revoke("b", ADMIN, by="ada", after=2.7),
            approval("x", by="mia"),
        )

        assert said == "violated"
