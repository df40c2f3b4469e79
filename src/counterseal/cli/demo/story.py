"""One whole story on a synthetic agency: from a refusal to a cleared action, and a log that strangers verify.

1 references are enrolled, 2 photographs are collected, 3 a request is refused with its reasons, 4 it is
mended, 5 permitted, sealed, and run by the service's own process, 6 two people judge the candidates blind,
7 a possible lead is marked, 8 a clearance is refused for want of independent support, 9 independent support
is added and a second person clears it, 10 the log is exported and verified by a program of its own.

Every step goes through the gateway's verbs; nothing is staged but what people would say and see. The story
knows who is on the photograph, so its two reviewers judge rightly; real ones look.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from counterseal.casework.models import CandidateRow, Case, EvidenceItem, Lead, Probe, SearchRequest
from counterseal.cli.commands.ledger import run_verifier
from counterseal.cli.demo.agency import EMBEDDED, PROGRAM_CODE, Agency, made
from counterseal.cli.demo.cast import Cast
from counterseal.cli.outcome import Json, unmet_json
from counterseal.cli.views import standing_view
from counterseal.connectors.process import ServiceProcess
from counterseal.gateway.add_evidence import add_evidence, relate
from counterseal.gateway.certify import attest, certify
from counterseal.gateway.collect_probe import Collection, collect_probe
from counterseal.gateway.enrol_references import enrol_references
from counterseal.gateway.export_ledger import entry_of, export_ledger, key_history, receipt_of
from counterseal.gateway.mark_lead import mark_lead, note_in_report
from counterseal.gateway.office import Office
from counterseal.gateway.open_case import open_case, record_step
from counterseal.gateway.record_comparison import record_comparison
from counterseal.gateway.request_clearance import Cleared, NotCleared, confirm_action, request_clearance
from counterseal.gateway.request_search import Purpose, request_search
from counterseal.gateway.review import (
    CAVEAT,
    Sheet,
    dispose_of_candidate,
    lock_review,
    open_review,
    reveal,
)
from counterseal.gateway.run_fsck import run_fsck
from counterseal.gateway.search import Answered, search
from counterseal.ledger.receipt import verify_receipt
from counterseal.people.models import AttestationKind
from counterseal.terms.biometrics import FailureToAcquire, Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import IntegrityError, UnavailableError

NARRATIVE = (
    "Three forged cheques were paid in at the harbour branch on Monday; the teller described the man, "
    "and neither the cheque register nor the branch records gave a name"
)
LIMIT = 5  # of the candidate list


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story. happened: in sentences. unmet: of a refusal. data: ids, indices, counts."""

    title: str
    happened: tuple[str, ...]
    unmet: tuple[Json, ...] = ()
    data: Json = field(default_factory=dict)

    def json(self, number: int) -> Json:
        """The step for `--json`."""
        refused = {"decision": "refused", "unmet": list(self.unmet)} if self.unmet else {}
        return {
            "step": number,
            "title": self.title,
            "happened": list(self.happened),
            **refused,
            **self.data,
        }


class Teller(Protocol):
    """Where the story is told, step by step, as it happens."""

    def step(self, step: Step) -> None:
        """Tell one step."""
        ...

    def progress(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """A bar for something that takes a while."""
        ...


class Story:
    """The story of one case, told on one office. sound: whether the log was verified at the end."""

    def __init__(self, office: Office, agency: Agency, cast: Cast, folder: Path, teller: Teller) -> None:
        self.office = office
        self.agency = agency
        self.cast = cast
        self.folder = folder
        self.teller = teller
        self.sound = False

    def tell(self) -> None:
        """Tell it from beginning to end.

        Raises:
            UnavailableError: a service or a photograph of the cast does not play its part.
            IntegrityError: a receipt does not hold.
        """
        self._enrol()
        case = self._open_case()
        probe = self._collect(case)
        request = self._refused(case, probe)
        self._mend(case)
        answered = self._search(request)
        kept = self._review(answered)
        if kept is None:
            self.teller.step(
                Step(
                    "The story ends early",
                    (
                        "Both the list and its review worked, and no candidate was kept: none of these. That "
                        "counts as much as a lead. With other photographs the story goes on.",
                    ),
                )
            )
        else:
            lead = self._lead(case, kept)
            self._not_cleared(case, lead, kept)
            self._cleared(case, lead)
        self._verify(answered.intent_index)

    def _who(self, short: str) -> str:
        return self.agency.people[short]

    def _enrol(self) -> None:
        pictures = sum(1 for p in self.cast.gallery.rglob("*") if p.is_file())
        done = 0
        with self.teller.progress("enrolling", pictures) as advance:

            def one(_: Path) -> None:
                nonlocal done
                done += 1
                advance(done)

            enrolment = made(
                enrol_references(
                    self.office,
                    connector=EMBEDDED,
                    pictures=self.cast.gallery,
                    by=self._who("rue"),
                    progress=one,
                )
            )
        who = "of synthetic people, who do not exist," if self.cast.synthetic else "of your own folder"
        failed = {reason: len(files) for reason, files in enrolment.failures.items()}
        self.teller.step(
            Step(
                "References are enrolled",
                (
                    f"Rue of the reviewing unit enrols {enrolment.enrolled} photographs {who} in the embedded "
                    "service, which runs in a process of its own.",
                    *([f"Not enrolled: {failed}."] if failed else []),
                ),
                data={"enrolled": enrolment.enrolled, "failures": enrolment.failures},
            )
        )

    def _open_case(self) -> Case:
        return made(
            open_case(
                self.office,
                number="2026-0001",
                case_type="fraud",
                statutory_authority="18 U.S.C. 1343",
                program_code=PROGRAM_CODE,
                by=self._who("untrained"),
            )
        )

    def _evidence(self, case: Case, kind: str, source: str, *, saw: bool | None = None) -> EvidenceItem:
        return made(
            add_evidence(
                self.office,
                case_id=case.id,
                kind=kind,
                source_class=source,
                lawful_basis="consent-of-owner",
                obtained_at=self.office.clock() - timedelta(days=2),
                saw_offence=saw,
                by=self._who("untrained"),
            )
        )

    def _collect(self, case: Case) -> Probe:
        footage = self._evidence(case, "footage", "store-camera-still")
        collection = Collection(
            subject_role="suspect",
            depicts="person-sought",
            bases_of_collection=["observed-conduct"],
            captured_at=self.office.clock() - timedelta(days=3),
            from_live_feed=False,
        )
        rejected: list[FailureToAcquire] = []
        for photograph in self.cast.probes:
            probe = collect_probe(
                self.office,
                evidence_id=footage.id,
                photograph=photograph.read_bytes(),
                collection=collection,
                by=self._who("untrained"),
            )
            if isinstance(probe, Probe):
                break
            if isinstance(probe, FailureToAcquire):
                rejected.append(probe)
        else:
            says = "; ".join(f.says for f in rejected)
            raise UnavailableError(
                f"no photograph of `{self.cast.sought}` can be searched with: {says}; choose other photographs"
            )
        self.teller.step(
            Step(
                "A photograph is collected",
                (
                    "Una, an investigator who is new, opens case 2026-0001 (forged cheques) and takes a still of "
                    "the branch's camera as a probe.",
                    *(f"The first still is rejected: {f.says}. Remedy: {f.remedy}." for f in rejected[:1]),
                    "The original is kept as it came; what a service will get is a crop without metadata."
                    if not rejected
                    else "A better still is acquired. The original is kept as it came; a service gets a clean crop.",
                ),
                data={
                    "case": case.id,
                    "evidence": footage.id,
                    "probe": probe.id,
                    "rejected": [str(f.code) for f in rejected],
                    "entry": probe.entry_index,
                },
            )
        )
        return probe

    def _refused(self, case: Case, probe: Probe) -> SearchRequest:
        una = self._who("untrained")
        request = made(
            request_search(
                self.office,
                case_id=case.id,
                probe_id=probe.id,
                service_id=self.agency.service_id,
                use_id=self.agency.use_id,
                mode=Mode.IDENTIFICATION,
                purpose=Purpose("suspect-lead", NARRATIVE),
                limit=LIMIT,
                by=una,
            )
        )
        refusal = search(self.office, request_id=request.id, by=una)
        if not isinstance(refusal, Refusal):
            raise IntegrityError("a search by somebody untrained was not refused: report this")
        self.teller.step(
            Step(
                "The search is refused, with its reasons",
                (
                    "Una asks for a search. Nothing leaves; the refusal is sealed. All that is missing, at once:",
                ),
                tuple(unmet_json(refusal.unmet)),
                {
                    "request": request.id,
                    "clauses": list(refusal.clauses),
                    "pack_digest": refusal.pack_digest,
                    "entry": _last_entry(),
                },
            )
        )
        return request

    def _mend(self, case: Case) -> None:
        una, now = self._who("untrained"), self.office.clock()
        course = self.office.policies.attestation(AttestationKind.COURSE)
        certificate = made(
            certify(
                self.office,
                person_id=una,
                course=course.course,
                course_version=course.version,
                completed_at=now - timedelta(hours=1),
                expires=now + timedelta(days=365),
                by=self._who("tess"),
            )
        )
        attested = [made(attest(self.office, kind=kind, by=una)) for kind in AttestationKind]
        step = made(
            record_step(
                self.office,
                case_id=case.id,
                kind="records-check",
                outcome="nothing-found",
                taken_at=now - timedelta(days=1),
                notes="register of cheques searched by account and by branch",
                by=una,
            )
        )
        self.teller.step(
            Step(
                "The request is mended",
                (
                    "Una completes the course; Tess of the training office records it. Una attests to the three "
                    "texts in force.",
                    "She checks the register of cheques first, finds no name, and records that step.",
                ),
                data={
                    "certificate": certificate.id,
                    "attestations": [a.id for a in attested],
                    "step_recorded": step.id,
                    "entry": step.entry_index,
                },
            )
        )

    def _search(self, request: SearchRequest) -> Answered:
        answered = search(self.office, request_id=request.id, by=self._who("untrained"))
        if not isinstance(answered, Answered):
            raise UnavailableError(f"the mended search did not run: {answered}")
        index = answered.intent_index
        body, _ = entry_of(index)
        proven = verify_receipt(receipt_of(index), body, key_history(), self.office.origin)
        service = self.office.services(EMBEDDED)
        pid = service.pid if isinstance(service, ServiceProcess) else os.getpid()
        self.teller.step(
            Step(
                "Permitted, sealed, and only then run",
                (
                    f"The same request is permitted. Its intent is entry {index} of the log, durable under a "
                    "signed checkpoint before anything leaves.",
                    f"The service (process {pid}, this program is {os.getpid()}) verifies the receipt itself, then "
                    f"compares with {answered.answer.searched} references.",
                    f"It returns {len(answered.candidate_list.candidates.filter(foil=False))} candidates; the "
                    f"outcome is entry {answered.outcome_index}.",
                    f"The receipt verifies: entry {proven.index} is under the checkpoint of size "
                    f"{proven.checkpoint.size}.",
                    *(f"A duty opens: {o.says}" for o in answered.permit.obligations),
                ),
                data={
                    "decision": "permitted",
                    "request": request.id,
                    "clauses": list(answered.permit.clauses),
                    "intent_index": index,
                    "outcome_index": answered.outcome_index,
                    "receipt_verified": proven.index == index,
                    "service_pid": pid,
                    "searched": answered.answer.searched,
                    "candidates": len(answered.answer.candidates),
                    "list": answered.candidate_list.id,
                },
            )
        )
        return answered

    def _review(self, answered: Answered) -> CandidateRow | None:
        """Both turns; the candidate that both kept, or None."""
        list_id, una, exa = answered.candidate_list.id, self._who("untrained"), self._who("exa")
        first = made(open_review(self.office, list_id=list_id, by=una))
        kept = self._judge(first, una)
        happened = [
            "Una sees the candidates in a random order, without score, rank or name, and judges each: "
            f"{len(kept)} kept, {len(first.items) - len(kept)} excluded. She locks her review.",
        ]
        data: Json = {"list": list_id, "reviews": [first.review_id], "kept": kept}
        if kept:
            again = open_review(self.office, list_id=list_id, by=una)
            if not isinstance(again, Refusal):
                raise IntegrityError("one person was given both reviews: report this")
            second = made(open_review(self.office, list_id=list_id, by=exa))
            self._judge(second, exa)
            happened += [
                f"She asks for the second turn too and is refused ({again.clauses[0]}): two people, or no lead.",
                f"Exa, of another unit, judges what Una kept among {len(second.items) - len(kept)} foils, without "
                "knowing which is which, and locks.",
            ]
            data["reviews"].append(second.review_id)
        shown = made(reveal(self.office, list_id=list_id, by=una))
        best = [c for c in shown if c.candidate_id in kept]
        if best:
            ranks = ", ".join(str(c.rank) for c in best)
            happened.append(f"Only now ranks are shown: what both kept is at rank {ranks}.")
        happened.append(CAVEAT)
        data |= {"ranks_of_kept": [c.rank for c in best], "entry": _last_entry()}
        self.teller.step(Step("Two people judge the candidates, blind", tuple(happened), data=data))
        return CandidateRow.objects.get(pk=kept[0]) if kept else None

    def _judge(self, sheet: Sheet, reviewer: str) -> list[str]:
        """Judge as somebody who knows the person sought would, and lock; the ids that were kept."""
        kept = []
        for candidate_id, _ in sheet.items:
            same = CandidateRow.objects.get(pk=candidate_id).person_ref == self.cast.sought
            made(
                dispose_of_candidate(
                    self.office,
                    review_id=sheet.review_id,
                    candidate_id=candidate_id,
                    judgement="potential-lead" if same else "excluded",
                    by=reviewer,
                )
            )
            kept += [candidate_id] if same else []
        made(lock_review(self.office, review_id=sheet.review_id, by=reviewer))
        return kept

    def _lead(self, case: Case, candidate: CandidateRow) -> Lead:
        una = self._who("untrained")
        description = self._evidence(case, "description", "teller-statement")
        early = mark_lead(self.office, candidate_id=candidate.id, by=una)
        if not isinstance(early, Refusal):
            raise IntegrityError("a lead was marked without any comparison: report this")
        comparison = made(
            record_comparison(
                self.office,
                candidate_id=candidate.id,
                evidence_id=description.id,
                result="consistent",
                notes="height and hair as the teller described them",
                by=una,
            )
        )
        lead = made(mark_lead(self.office, candidate_id=candidate.id, by=una))
        made(note_in_report(self.office, lead_id=lead.id, report="ROI-2026-0001-3", by=una))
        self.teller.step(
            Step(
                "A possible lead, and nothing more",
                (
                    f"A lead straight from the list is refused ({early.clauses[0]}): compare with other "
                    "information first.",
                    "Una compares the candidate with the teller's description, which fits; the lead is marked and "
                    "noted in the report of investigation.",
                ),
                data={
                    "lead": lead.id,
                    "comparison": comparison.id,
                    "refused_first_by": list(early.clauses),
                    "entry": _last_entry(),
                },
            )
        )
        return lead

    def _clearance(self, lead: Lead) -> Cleared | NotCleared | Refusal:
        return request_clearance(
            self.office,
            lead_id=lead.id,
            kind="arrest",
            location_check="done",
            disclosure_text_included=True,
            by=self._who("untrained"),
        )

    def _not_cleared(self, case: Case, lead: Lead, candidate: CandidateRow) -> None:
        una = self._who("untrained")
        line_up = self._evidence(case, "line-up", "photo-line-up", saw=True)
        made(relate(self.office, source=candidate.id, relation="shown-to", target=line_up.id, by=una))
        made(relate(self.office, source=line_up.id, relation="supports-offence", target=lead.id, by=una))
        answer = self._clearance(lead)
        if not isinstance(answer, NotCleared):
            raise IntegrityError("an arrest cleared on a line-up that showed the candidate: report this")
        self.teller.step(
            Step(
                "An arrest is not cleared: nothing independent",
                (
                    "The teller, who was shown the candidate, picks that person from a line-up. Una asks to clear "
                    "an arrest.",
                    *(
                        f"The line-up does not count: it {w.why}.".replace(line_up.id, "line-up").replace(
                            candidate.id, "candidate"
                        )
                        for w in answer.standing.weighed
                    ),
                ),
                tuple(unmet_json(answer.refusal.unmet)),
                {
                    "action": answer.action.id,
                    "clauses": list(answer.refusal.clauses),
                    "entry": answer.action.entry_index,
                    **standing_view(answer.standing),
                },
            )
        )

    def _cleared(self, case: Case, lead: Lead) -> None:
        una = self._who("untrained")
        print_ = self._evidence(case, "physical-evidence", "laboratory-report")
        made(relate(self.office, source=print_.id, relation="supports-offence", target=lead.id, by=una))
        asked = self._clearance(lead)
        if not isinstance(asked, Cleared):
            raise IntegrityError(f"independent support was not enough: {asked}")
        cleared = confirm_action(self.office, action_id=asked.action.id, by=self._who("sol"))
        if not isinstance(cleared, Cleared):
            raise IntegrityError(f"the confirmation was refused: {cleared}")
        self.teller.step(
            Step(
                "Independent evidence, and a second person: cleared",
                (
                    "The laboratory finds that person's fingerprint on two of the cheques, compared with a card on "
                    "file and without any face. It ties the person to the offence.",
                    "Una asks again; Sol, her supervisor, confirms. Every question is put anew on the records as "
                    "they are then.",
                    *(f"What counts is {w.why}." for w in cleared.standing.weighed if w.counts),
                    f"The line-up still does not: {cleared.standing.from_face_recognition} item descends from the "
                    "search.",
                ),
                data={
                    "decision": "permitted",
                    "action": cleared.action.id,
                    "clauses": list(cleared.decision.clauses),
                    "status": str(cleared.action.status),
                    "entry": cleared.action.entry_index,
                    **standing_view(cleared.standing),
                },
            )
        )

    def _verify(self, index: int) -> None:
        checked = run_fsck(self.office)
        log = self.folder / "log"
        exported = export_ledger(log)
        receipt, entry = self.folder / f"receipt-{index}.txt", self.folder / f"entry-{index}.json"
        receipt.write_bytes(receipt_of(index))
        entry.write_bytes(entry_of(index)[0])
        command = [str(log), "--vkey", exported.vkey, "--receipt", str(receipt), "--entry", str(entry)]
        answer = run_verifier((log / "verify.py").resolve(), [*command, "--json"])
        self.sound = bool(answer["ok"]) and checked.sound
        self.teller.step(
            Step(
                "Strangers verify the log",
                (
                    f"Everything that is stored agrees with the log: {checked.log.rows} rows, "
                    f"{checked.log.size} entries."
                    if checked.sound
                    else f"The log and what is stored do not agree: {checked.log.findings}",
                    "The log is exported as static files, and the small program beside them verifies it in a "
                    "process of its own, without this software:",
                    *answer.get("held", ()),
                    *answer.get("failures", ()),
                    str(answer.get("limits", "")),
                ),
                data={
                    "verified": bool(answer["ok"]),
                    "fsck": checked.sound,
                    "vkey": exported.vkey,
                    "tree_size": exported.tree_size,
                    "path": str(log),
                    "receipt_file": str(receipt),
                    "entry_file": str(entry),
                    "refusals_in_the_log": len(answer.get("refusals", ())),
                },
            )
        )


def _last_entry() -> int:
    from counterseal.oversight.models import LogEntry

    last = LogEntry.objects.order_by("-index").values_list("index", flat=True).first()
    return -1 if last is None else int(last)
