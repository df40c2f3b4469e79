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
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from counterseal.casework.models import (
    Approval,
    CandidateListRow,
    CandidateRow,
    Case,
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
from counterseal.gateway.request_clearance import confirm_action, request_clearance
from counterseal.gateway.request_search import Exigency
from counterseal.gateway.review import dispose_of_candidate, lock_review, open_review, reveal
from counterseal.gateway.search import search
from counterseal.oversight.models import LogEntry
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import open_copy, person

PEOPLE = ("ines", "exa", "sol", "ivan", "cora")
STAFF = st.sampled_from(PEOPLE)
# Ines works the case and Exa and Sol stand by: drawn more often, so that sequences get somewhere.
LIKELY = st.sampled_from(("ines", "ines", "exa", "exa", "sol", "sol", "ivan", "cora"))
PLACE = st.integers(0, 7)


@pytest.fixture(scope="module")
def begun(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with two probes and a request that can be made; nothing was searched yet."""
    home = tmp_path_factory.mktemp("begun") / "home"
    with open_copy(office_template, home) as office:
        case = office.case()
        office.probe(case)
        office.probe(case, photograph=person(4).photograph(2), subject_role="witness")
        for kind, saw in (("physical-evidence", None), ("witness-statement", True), ("line-up", False)):
            office.item(case, kind, saw_offence=saw)
    return home


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
        count = itertools.count()
        self.office.clock.now = self.begins
        self.office.office = replace(
            self.office.office, token=lambda n: sha256(b"%d" % next(count)).digest()[:n]
        )

    def teardown(self) -> None:
        """The installation is sound whatever was done, and the log names every act."""
        try:
            report = self.office.fsck()
            assert report.sound, report.log.findings
            assert report.log.open_intents == ()
        finally:
            self.opened.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    def act(self, verb: Callable[..., object], **arguments: object) -> None:
        """Try; an answer seals exactly one entry or more, bad input and stale acts seal none."""
        before = LogEntry.objects.count()
        try:
            outcome = verb(self.office.office, **arguments)
        except (BadInputError, StaleError):
            assert LogEntry.objects.count() == before, "an act that failed left an entry"
            return
        assert LogEntry.objects.count() > before, "an act left no entry"
        if not isinstance(outcome, Refusal):
            self.moved[verb.__name__] = self.moved.get(verb.__name__, 0) + 1

    def pick(self, model: type, place: int) -> str:
        """The id of some row of this model, or of none."""
        ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
        return ids[place % len(ids)] if ids else "row-of-nobody"

    @rule(by=LIKELY, probe=st.integers(0, 1), exigent=st.booleans(), limit=st.integers(1, 3))
    def request(self, by: str, probe: int, exigent: bool, limit: int) -> None:
        """Ask."""
        probes = Probe.objects.order_by("collected_at")
        told = "masked men with a crowbar were seen leaving"
        try:
            self.office.request(
                Case.objects.get(),
                probes[probe],
                by=by,
                limit=limit,
                why_again="the first answer was lost",
                purpose=self.office.another_reason(),
                exigency=Exigency("escape", told, told) if exigent else None,
                witness_methods_exhausted=True,
            )
        except BadInputError:
            pass
        else:
            self.moved["request"] = self.moved.get("request", 0) + 1

    @precondition(lambda self: SearchRequest.objects.exists())
    @rule(
        by=LIKELY, place=PLACE, kind=st.sampled_from(["witness", "exigent", "event"]), granted=st.booleans()
    )
    def approve(self, by: str, place: int, kind: str, granted: bool) -> None:
        """Decide on a request."""
        self.act(
            approve_search,
            request_id=self.pick(SearchRequest, place),
            kind=kind,
            granted=granted,
            words="looked at it",
            by=self.office.who(by),
        )

    @precondition(lambda self: SearchRequest.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def search(self, by: str, place: int) -> None:
        """Submit a request."""
        self.act(search, request_id=self.pick(SearchRequest, place), by=self.office.who(by))

    @precondition(lambda self: CandidateListRow.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def open_review(self, by: str, place: int) -> None:
        """Take a turn."""
        self.act(open_review, list_id=self.pick(CandidateListRow, place), by=self.office.who(by))

    @precondition(lambda self: Review.objects.filter(status="open").exists())
    @rule(by=st.none() | STAFF, judgement=st.sampled_from([*Judgement, *["potential-lead"] * 6]))
    def dispose(self, by: str | None, judgement: str) -> None:
        """Judge what is left on some open sheet, as its reviewer or as somebody else."""
        review = Review.objects.filter(status="open").first()
        done = set(review.dispositions.values_list("candidate_id", flat=True))
        for candidate in [c for c in review.order if c not in done] or review.order[:1]:
            self.act(
                dispose_of_candidate,
                review_id=review.id,
                candidate_id=candidate,
                judgement=judgement,
                by=self.office.who(by) if by else review.reviewer_id,
            )

    @precondition(lambda self: Review.objects.exists())
    @rule(by=st.none() | STAFF, place=PLACE)
    def lock(self, by: str | None, place: int) -> None:
        """Lock a review, one's own or not."""
        review = Review.objects.get(pk=self.pick(Review, place))
        self.act(lock_review, review_id=review.id, by=self.office.who(by) if by else review.reviewer_id)

    @precondition(lambda self: CandidateListRow.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def reveal(self, by: str, place: int) -> None:
        """Look at ranks and scores; nobody does before both are locked."""
        chosen = self.pick(CandidateListRow, place)
        self.act(reveal, list_id=chosen, by=self.office.who(by))

    @precondition(lambda self: CandidateRow.objects.exists())
    @rule(
        by=LIKELY, place=PLACE, result=st.sampled_from(["consistent"] * 5 + ["inconsistent", "inconclusive"])
    )
    def compare(self, by: str, place: int, result: str) -> None:
        """Hold a candidate against something else."""
        self.act(
            record_comparison,
            candidate_id=self.pick(CandidateRow, place),
            result=result,
            notes="height and gait looked at",
            evidence_id=self.pick(EvidenceItem, place),
            by=self.office.who(by),
        )

    @precondition(lambda self: CandidateRow.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def mark(self, by: str, place: int) -> None:
        """Make a lead of a candidate."""
        self.act(mark_lead, candidate_id=self.pick(CandidateRow, place), by=self.office.who(by))

    @precondition(lambda self: Lead.objects.exists())
    @rule(by=LIKELY)
    def note(self, by: str) -> None:
        """Write it into a report."""
        self.act(note_in_report, lead_id=self.pick(Lead, 0), report="ROI-7", by=self.office.who(by))

    @precondition(lambda self: Lead.objects.exists())
    @rule(by=LIKELY, place=PLACE, relation=st.sampled_from([*Relation, "supports-offence"]))
    def relate(self, by: str, place: int, relation: str) -> None:
        """Say how an item stands to a lead."""
        self.act(
            relate,
            source=self.pick(EvidenceItem, place),
            relation=relation,
            target=self.pick(Lead, place),
            by=self.office.who(by),
        )

    @precondition(lambda self: EvidenceRelation.objects.filter(relation="contradicts").exists())
    @rule(by=LIKELY, place=PLACE)
    def resolve(self, by: str, place: int) -> None:
        """Resolve what may be a contradiction."""
        self.act(
            resolve_contradiction,
            relation_id=self.pick(EvidenceRelation, place),
            reasons="the register was wrong and is mended now",
            by=self.office.who(by),
        )

    @precondition(lambda self: Lead.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def ask_clearance(self, by: str, place: int) -> None:
        """Ask for an arrest."""
        self.act(
            request_clearance,
            lead_id=self.pick(Lead, place),
            kind="arrest",
            location_check="done",
            disclosure_text_included=True,
            by=self.office.who(by),
        )

    @precondition(lambda self: EnforcementAction.objects.exists())
    @rule(by=LIKELY, place=PLACE)
    def confirm(self, by: str, place: int) -> None:
        """Confirm it."""
        self.act(confirm_action, action_id=self.pick(EnforcementAction, place), by=self.office.who(by))

    @precondition(lambda self: Lead.objects.count() > 0)
    @rule(by=STAFF, place=st.integers(0, 30))
    def close(self, by: str, place: int) -> None:
        """Now and then, close a lead."""
        if place == 0:
            self.act(close_lead, lead_id=self.pick(Lead, place), by=self.office.who(by))

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
        kinds = [self.office.entries()[r.intent_index].kind for r in ran]
        assert kinds == ["search.intent"] * len(kinds)
        assert not SearchRequest.objects.filter(status__in=["requested", "refused"]).exclude(
            intent_index=None
        )
        assert self.office.local == {} or self.office.local["embedded"].calls == len(kinds)


def test_any_order_of_acts(begun: Path) -> None:
    """Every rule of the machine did something at least once, or the machine proves nothing."""
    machine = type("Machine", (AnyOrder,), {"template": begun, "begins": datetime.now(UTC), "moved": {}})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    verbs = {"request", "approve_search", "search", "open_review", "dispose_of_candidate", "lock_review"}
    assert verbs | {"reveal", "record_comparison", "mark_lead", "note_in_report"} <= set(machine.moved), (
        machine.moved
    )
