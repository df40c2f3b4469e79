"""Any order of acts by any persons: what must hold, holds, and the installation is sound afterwards.

The machine knows nothing of the rules. It lets anybody try anything at any time; refusals, stale acts and bad
input are answers, everything else that is raised is a fault.
"""

import itertools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterseal.casework.models import (
    Approval,
    CandidateListRow,
    CandidateRow,
    Disposition,
    EnforcementAction,
    EvidenceItem,
    EvidenceRelation,
    Lead,
    Probe,
    Review,
    SearchRequest,
)
from counterseal.casework.words import KEPT, Judgement, Relation
from counterseal.gateway.add_evidence import relate, resolve_contradiction
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.mark_lead import close_lead, mark_lead, note_in_report
from counterseal.gateway.record_comparison import record_comparison
from counterseal.gateway.request_clearance import NotCleared, confirm_action, request_clearance
from counterseal.gateway.request_search import Exigency, request_search
from counterseal.gateway.review import dispose_of_candidate, lock_review, open_review, reveal
from counterseal.gateway.search import search
from counterseal.ledger.entry import read_entry
from counterseal.oversight.models import LogEntry
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import made, open_copy, person

# Ines works the case and Exa and Sol stand by: drawn more often, so that sequences get somewhere.
LIKELY = st.sampled_from(("ines", "ines", "exa", "exa", "sol", "sol", "ivan", "cora"))
VERBS = {
    "request_search",
    "approve_search",
    "search",
    "open_review",
    "dispose_of_candidate",
    "lock_review",
    "reveal",
    "record_comparison",
    "mark_lead",
    "note_in_report",
    "relate",
    "resolve_contradiction",
    "request_clearance",
    "confirm_action",
    "close_lead",
}
PLACE = st.integers(0, 7)


@pytest.fixture(scope="module")
def begun(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with two probes; one was searched and awaits review, everything else is still to be done."""
    home = tmp_path_factory.mktemp("begun") / "home"
    with open_copy(office_template, home) as office:
        office.office = replace(office.office, token=counted())
        case = office.case()
        first = made(office.request(case, office.probe(case), limit=2))
        office.search(first)
        office.probe(case, photograph=person(4).photograph(2), subject_role="witness")
        for kind, saw in (("physical-evidence", None), ("witness-statement", True), ("line-up", False)):
            office.item(case, kind, saw_offence=saw)
    return home


def counted(start: int = 0) -> Callable[[int], bytes]:
    """Randomness that can be told again: n bytes from a counter."""
    count = itertools.count(start)
    return lambda n: sha256(b"%d" % next(count)).digest()[:n]


class AnyOrder(RuleBasedStateMachine):
    """Acts in any order. `template`: the installation to begin from; `moved`: acts that changed something."""

    template: Path
    begins: datetime
    moved: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.opened = open_copy(self.template, self.folder / "home")
        self.office = self.opened.__enter__()
        # Instants and ids come in through the ports, so that a sequence can be told again.
        self.office.clock.now = self.begins
        self.office.office = replace(self.office.office, token=counted(10**9))

    def teardown(self) -> None:
        """The installation is sound whatever was done, and the log names every act."""
        try:
            report = self.office.fsck()
            assert report.sound, report.log.findings
            assert report.log.open_intents == ()
        finally:
            self.opened.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    @initialize(stage=st.integers(0, 6))
    def have_got_so_far(self, stage: int) -> None:
        """Begin at some point of the road, so that the later acts get their share: the verbs lead there."""
        listed = CandidateListRow.objects.get()
        chosen = listed.candidates.get(rank=1)
        for reviewer in ("ines", "exa")[:stage]:
            self.office.review(listed.id, by=reviewer, keep={chosen.id})
        if stage < 3:
            return
        self.office.compare(chosen)
        if stage == 3:
            return
        lead = made(mark_lead(self.office.office, candidate_id=chosen.id, by=self.office.who("ines")))
        note_in_report(self.office.office, lead_id=lead.id, report="ROI-1", by=self.office.who("ines"))
        if stage >= 5:
            self.office.support(lead)
        if stage == 6:
            self.office.clearance(lead)

    def act(self, verb: Callable[..., object], **arguments: object) -> None:
        """Try; an answer seals exactly one entry or more, bad input and stale acts seal none."""
        before = LogEntry.objects.count()
        try:
            outcome = verb(self.office.office, **arguments)
        except (BadInputError, StaleError):
            assert LogEntry.objects.count() == before, "an act that failed left an entry"
            return
        assert LogEntry.objects.count() > before, "an act left no entry"
        self.count(verb.__name__, outcome)

    def count(self, name: str, outcome: object) -> None:
        """Remember that this act changed something, or was refused."""
        key = f"{name} refused" if isinstance(outcome, Refusal | NotCleared) else name
        self.moved[key] = self.moved.get(key, 0) + 1

    def pick(self, model: type, place: int) -> str:
        """The id of some row of this model, or of none."""
        ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
        return ids[place % len(ids)] if ids else "row-of-nobody"

    @rule(n=st.integers(0, 999), by=LIKELY, own=st.integers(0, 9), place=PLACE)
    def somebody_does_something(self, n: int, by: str, own: int, place: int) -> None:
        """One act of those for which there is anything to act on. own: mostly, whoever the matter is for acts."""
        possible = [act for act, on in ACTS.items() if on()]
        possible[n % len(possible)](self, self.office.who(by), own > 0, place)

    def request(self, by: str, own: bool, place: int) -> None:
        """Ask; twice in three for the suspect, now and then in an emergency."""
        probe = Probe.objects.order_by("collected_at")[0 if place % 3 else 1]
        told = "masked men with a crowbar were seen leaving"
        before = LogEntry.objects.count()
        outcome = request_search(
            self.office.office,
            case_id=probe.case_id,
            probe_id=probe.id,
            service_id=self.office.agency.service_id,
            use_id=self.office.agency.use_id,
            mode="identification",
            purpose=self.office.another_reason(),
            by=self.office.who("ines") if own else by,
            limit=1 + place % 3,
            why_again="the first answer was lost",
            exigency=Exigency("escape", told, told) if place == 4 else None,
            witness_methods_exhausted=True,
        )
        assert LogEntry.objects.count() == before + 1
        self.count("request_search", outcome)

    def approve(self, by: str, own: bool, place: int) -> None:
        """Decide on a request, or try to."""
        kind, granted = ("witness", "exigent", "event")[place % 3], place < 6
        words = "looked at it"
        request = self.pick(SearchRequest, place)
        self.act(approve_search, request_id=request, kind=kind, granted=granted, words=words, by=by)

    def search(self, by: str, own: bool, place: int) -> None:
        """Submit a request, one's own or not, the first time or again."""
        fresh = SearchRequest.objects.filter(status__in=["requested", "refused"]).order_by("pk").first()
        request = fresh or SearchRequest.objects.get(pk=self.pick(SearchRequest, place))
        self.act(search, request_id=request.id, by=request.requester_id if own else by)

    def open_review(self, by: str, own: bool, place: int) -> None:
        """Take a turn."""
        self.act(open_review, list_id=self.pick(CandidateListRow, place), by=by)

    def dispose(self, by: str, own: bool, place: int) -> None:
        """Judge what is left on some open sheet, as its reviewer or as somebody else."""
        review = Review.objects.filter(status="open").order_by("pk")[0]
        done = set(review.dispositions.values_list("candidate_id", flat=True))
        judgement = [*["potential-lead"] * 4, *Judgement][place]
        for candidate in [c for c in review.order if c not in done] or review.order[:1]:
            self.act(
                dispose_of_candidate,
                review_id=review.id,
                candidate_id=candidate,
                judgement=judgement,
                by=review.reviewer_id if own else by,
            )

    def lock(self, by: str, own: bool, place: int) -> None:
        """Lock a review, one's own or not, done or not."""
        review = Review.objects.filter(status="open").order_by("pk")[0]
        self.act(lock_review, review_id=review.id, by=review.reviewer_id if own else by)

    def reveal(self, by: str, own: bool, place: int) -> None:
        """Look at ranks and scores; nobody does before both are locked."""
        self.act(reveal, list_id=self.pick(CandidateListRow, place), by=by)

    def compare(self, by: str, own: bool, place: int) -> None:
        """Hold a candidate against something else."""
        result = [*["consistent"] * 6, "inconsistent", "inconclusive"][place]
        notes = "height and gait looked at"
        candidate, item = self.likely(place), self.pick(EvidenceItem, place)
        self.act(
            record_comparison, candidate_id=candidate, result=result, notes=notes, evidence_id=item, by=by
        )

    def mark(self, by: str, own: bool, place: int) -> None:
        """Make a lead of a candidate."""
        self.act(mark_lead, candidate_id=self.likely(place), by=by)

    def note(self, by: str, own: bool, place: int) -> None:
        """Write it into a report."""
        self.act(note_in_report, lead_id=self.pick(Lead, place), report="ROI-7", by=by)

    def relate(self, by: str, own: bool, place: int) -> None:
        """Say how an item stands to a lead."""
        relation = [*Relation, "contradicts", "supports-offence", "supports-offence"][place]
        item, lead = self.pick(EvidenceItem, place + own), self.pick(Lead, place)
        self.act(relate, source=item, relation=relation, target=lead, by=by)

    def resolve(self, by: str, own: bool, place: int) -> None:
        """Resolve a contradiction, or what is none."""
        contradiction = EvidenceRelation.objects.filter(relation="contradicts").order_by("pk")[0]
        self.act(
            resolve_contradiction,
            relation_id=contradiction.id if own else self.pick(EvidenceRelation, place),
            reasons="the register was wrong and is mended now",
            by=by,
        )

    def ask_clearance(self, by: str, own: bool, place: int) -> None:
        """Ask for an arrest."""
        self.act(
            request_clearance,
            lead_id=self.pick(Lead, place),
            kind="arrest",
            location_check="done",
            disclosure_text_included=True,
            by=self.office.who("ines") if own else by,
        )

    def confirm(self, by: str, own: bool, place: int) -> None:
        """Confirm what waits, or what does not."""
        waiting = EnforcementAction.objects.filter(status="awaiting-confirmation").order_by("pk").first()
        action = waiting.id if waiting and own else self.pick(EnforcementAction, place)
        self.act(confirm_action, action_id=action, by=by)

    def close(self, by: str, own: bool, place: int) -> None:
        """Now and then, close a lead."""
        if place == 0:
            self.act(close_lead, lead_id=self.pick(Lead, place), by=by)

    def likely(self, place: int) -> str:
        """Some candidate, more often than not one that somebody kept."""
        kept = Disposition.objects.filter(judgement__in=KEPT).order_by("pk")
        chosen = kept.values_list("candidate_id", flat=True)
        return str(chosen[place % len(chosen)]) if chosen and place > 1 else self.pick(CandidateRow, place)

    @invariant()
    def lead_is_kept_by_two_and_compared(self) -> None:
        """No candidate becomes a lead without two locked reviews of two people and a fitting comparison."""
        for lead in Lead.objects.select_related("candidate", "comparison"):
            kept = Disposition.objects.filter(
                candidate=lead.candidate, judgement__in=KEPT, review__status="locked"
            )
            reviewers = set(kept.values_list("review__reviewer_id", flat=True))
            assert len(reviewers) == 2
            assert reviewers == {lead.first_reviewer_id, lead.second_reviewer_id}
            assert lead.comparison.result == "consistent"
            assert lead.comparison.candidate_id == lead.candidate_id
            assert not lead.candidate.foil
            for review in Review.objects.filter(candidate_list=lead.candidate.candidate_list_id):
                assert set(review.order) == set(review.dispositions.values_list("candidate_id", flat=True))

    @invariant()
    def nobody_does_it_for_themselves(self) -> None:
        """Approve, review second, confirm, resolve: never one's own."""
        for a in Approval.objects.select_related("request"):
            assert a.approver_id != a.request.requester_id == a.requester_id
        for listed in CandidateListRow.objects.all():
            reviewers = list(listed.reviews.values_list("reviewer_id", flat=True))
            assert len(reviewers) == len(set(reviewers))
        for action in EnforcementAction.objects.all():
            assert action.confirmed_by_id != action.requested_by_id
            assert (action.status == "cleared") == bool(action.confirmed_by_id)
        for edge in EvidenceRelation.objects.exclude(resolved_by_id=""):
            assert edge.resolved_by_id != edge.by_id

    @invariant()
    def nothing_ran_without_its_intent(self) -> None:
        """An answer has its intent, of its own, in the log."""
        ran = SearchRequest.objects.filter(status__in=["submitted", "answered", "failed"])
        bodies = [bytes(LogEntry.objects.get(pk=r.intent_index).body) for r in ran]
        kinds = [read_entry(body).kind for body in bodies]
        assert kinds == ["search.intent"] * len(kinds)
        assert not SearchRequest.objects.filter(status__in=["requested", "refused"]).exclude(
            intent_index=None
        )
        assert self.office.local == {} or self.office.local["embedded"].calls == len(kinds) - 1


# What can be tried, and whether there is anything to try it on.
ACTS: dict[Callable[..., None], Callable[[], bool]] = {
    AnyOrder.request: lambda: SearchRequest.objects.count() < 4,
    AnyOrder.approve: lambda: True,
    AnyOrder.search: lambda: True,
    AnyOrder.open_review: lambda: True,
    AnyOrder.dispose: lambda: Review.objects.filter(status="open").exists(),
    AnyOrder.lock: lambda: Review.objects.filter(status="open").exists(),
    AnyOrder.reveal: lambda: Review.objects.exists(),
    AnyOrder.compare: lambda: True,
    AnyOrder.mark: lambda: True,
    AnyOrder.note: Lead.objects.exists,
    AnyOrder.relate: Lead.objects.exists,
    AnyOrder.resolve: lambda: EvidenceRelation.objects.filter(relation="contradicts").exists(),
    AnyOrder.ask_clearance: Lead.objects.exists,
    AnyOrder.confirm: EnforcementAction.objects.exists,
    AnyOrder.close: Lead.objects.exists,
}


def test_any_order_of_acts(begun: Path) -> None:
    """Most acts changed something at least once, or the machine proves nothing; the counts are printed."""
    machine = type("Machine", (AnyOrder,), {"template": begun, "begins": datetime.now(UTC), "moved": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(f"\nacts that changed something: {machine.moved}")
    # Which acts get their turn depends on the library's choices; fewer than this and nothing much was tried.
    assert len(VERBS & set(machine.moved)) >= 9, machine.moved
