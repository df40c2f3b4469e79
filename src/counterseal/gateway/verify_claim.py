"""Verify one claim outside law enforcement: is the person at the checkpoint the one they claim to be?

1. Ask whether they decline, and seal the check. A no ends here: no camera, no picture, no decoder ran.
2. Decide whether a camera may look at all. A refusal is sealed; the answer to it is the alternative procedure.
3. Capture. The camera brings its own liveness outcome; what it calls suspicious is not decoded.
4. Decide again, the choice included (it may have been registered since), and seal the intent.
5. Compare one to one, behind the receipt gate, at the threshold that the service states.
6. Seal the outcome. The sample is kept only where the use's record says for how long.

Whoever is not compared, or does not reach the threshold, gets the alternative procedure and a receipt.
Nothing is stored that points at them: no reference, no token, no score. Not reaching it proves nothing either.

Clauses: D-026-11/opt-out, D-026-11/def-verification, D-026-11/def-face-capture.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from counterseal.connectors.port import Answer, ServiceFailure, Submission
from counterseal.gateway.check_opt_out import Choice, how_declined, milliseconds, seal_check, tokens_of
from counterseal.gateway.collect_probe import face_for_service
from counterseal.gateway.facts import claim_facts, facts_of_test
from counterseal.gateway.found import found
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.gateway.verification_terms import terms_in_force
from counterseal.ledger.canonical import write_canonical
from counterseal.oversight.models import KeptSample, Service, Use, VaultObject, VerificationTerms
from counterseal.terms.biometrics import ComparisonDecision, FailureToAcquire, Mode
from counterseal.terms.decisions import Decision, Permit, Refusal
from counterseal.terms.errors import BadInputError, UnavailableError


class Liveness(StrEnum):
    """What the camera says of the sample. It can stop a verification and certifies nothing."""

    NOT_ASSESSED = "not-assessed"
    SUSPICIOUS = "suspicious"
    NO_ATTACK_SEEN = "no-attack-seen"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a camera at the checkpoint brought. picture: an image file, not decoded yet."""

    picture: bytes = field(repr=False)
    liveness: str = Liveness.NOT_ASSESSED


@dataclass(frozen=True, slots=True)
class Verified:
    """The comparison reached the threshold that the service states. receipt: proves the entry at `index`.
    kept_until: None where nothing was kept."""

    intent_index: int
    index: int
    receipt: bytes
    threshold: float
    kept_until: datetime | None


@dataclass(frozen=True, slots=True)
class Instead:
    """The person goes by the alternative procedure, whatever the reason. It is no finding against anybody.

    why: the refusal, the failure to acquire, the service's failure, or the outcome ``not-verified`` or
    ``no-decision``. honoured: because they declined. receipt: proves the entry at `index`.
    """

    why: Refusal | FailureToAcquire | ServiceFailure | str
    alternative: str
    honoured: bool
    index: int
    receipt: bytes
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Question:
    """One claim at one checkpoint."""

    office: Office
    use: Use
    terms: VerificationTerms
    service: Service
    reference: str
    choice: Choice
    by: str

    def decide(self, *, via: str, done: bool, liveness: str, at: datetime) -> Decision:
        facts = claim_facts(
            by=self.by,
            use=self.use,
            terms=self.terms,
            service=self.service,
            test=facts_of_test(self.office, self.service, mode=Mode.VERIFICATION, use_id=self.use.id, at=at),
            reference=self.reference,
            choice={
                "who_may": self.office.policies.opt_out(at).who_may,
                "told": self.choice.told,
                "declined": bool(via),
                "says_no_citizen": self.choice.says_no_citizen,
            },
            capture={"done": done, "liveness": liveness},
            at=at,
        )
        return self.office.decide(facts, at)

    def refused(self, now: Change, refusal: Refusal, *, via: str, stage: str) -> Sealed:
        return now.seal(
            "verification.refused",
            by=self.by,
            action="verify a claim",
            target=self.use.id,
            outcome="refused",
            decision=refusal,
            public={"use": self.use.id, "honoured": bool(via), "stage": stage},
            committed={"unmet": [[u.clause, u.missing] for u in refusal.unmet]},
        )


def verify_claim(
    office: Office,
    *,
    use_id: str,
    reference: str,
    choice: Choice,
    camera: Callable[[], Sample],
    by: str,
) -> Verified | Instead:
    """Take one claim down the road, once.

    reference: the one reference in the service's database that the person claims to be. camera: called only
    once the person has not declined and the use is permitted.

    Raises:
        BadInputError: unknown use, person or word, or nobody stated how this use verifies claims.
        SealingError: the log could not take the check or the intent (nothing ran), or the outcome.
    """
    tokens = tokens_of(office, choice)
    started = office.clock()
    # (1) and (2)
    with change(office) as now:
        office.acting(by)
        asked = _question(office, use_id, reference, choice, by)
        via = how_declined(choice, tokens)
        check = seal_check(now, asked.use, choice, via, by=by, started=started)
        ahead = asked.decide(via=via, done=False, liveness=Liveness.NOT_ASSESSED, at=now.at)
        if isinstance(ahead, Refusal):
            sealed = asked.refused(now, ahead, via=via, stage="before-camera")
    if isinstance(ahead, Refusal):
        return Instead(ahead, asked.terms.alternative, bool(via), sealed.index, now.receipt)
    # (3)
    sample = camera()
    if sample.liveness not in list(Liveness):
        raise BadInputError(
            f"a camera says {', '.join(Liveness)} of liveness, not `{sample.liveness[:40]}`; nothing was compared"
        )
    may_decode = asked.decide(via=via, done=True, liveness=sample.liveness, at=office.clock())
    face: bytes | FailureToAcquire = b""
    if isinstance(may_decode, Permit):
        face = face_for_service(office, sample.picture)
    # (4)
    with change(office) as now:
        asked = _question(office, use_id, reference, choice, by)
        via = how_declined(choice, tokens)
        decision = asked.decide(via=via, done=True, liveness=sample.liveness, at=now.at)
        if isinstance(decision, Permit) and isinstance(may_decode, Refusal):
            decision = (
                may_decode  # what was refused a moment ago was not captured: there is nothing to compare
            )
        if isinstance(decision, Refusal):
            stop: Refusal | FailureToAcquire = decision
            sealed = asked.refused(now, decision, via=via, stage="after-camera")
        elif isinstance(face, FailureToAcquire):
            stop = face
            sealed = _not_acquired(now, asked, face, check)
        else:
            sent, intent = _seal_intent(now, asked, decision, face, sample.liveness, check)
    if isinstance(decision, Refusal) or isinstance(face, FailureToAcquire):
        return Instead(stop, asked.terms.alternative, bool(via), sealed.index, now.receipt)
    # (5) If we stop from here on, the overseer sees an intent without outcome.
    submission = Submission(
        request=sent, entry=intent.body, opening=intent.openings["request"], receipt=now.receipt, probe=face
    )
    try:
        answer = office.services(asked.service.connector).submit(submission)
    except UnavailableError as error:
        answer = ServiceFailure("unreachable", str(error))
    # (6)
    return _seal_answer(asked, answer, intent, face, started)


def _question(office: Office, use_id: str, reference: str, choice: Choice, by: str) -> _Question:
    use = found(Use, use_id)
    terms = terms_in_force(use)
    return _Question(office, use, terms, found(Service, terms.service_id), reference, choice, by)


def _not_acquired(now: Change, asked: _Question, failure: FailureToAcquire, check: Sealed) -> Sealed:
    return now.seal(
        "verification.not-acquired",
        by=asked.by,
        action="verify a claim",
        target=asked.use.id,
        outcome=failure.code,
        clauses=["D-026-11/def-face-capture"],
        causes=[check.index],
        public={"use": asked.use.id},
    )


def _seal_intent(
    now: Change, asked: _Question, permit: Permit, face: bytes, liveness: str, check: Sealed
) -> tuple[bytes, Sealed]:
    """Seal the question that will leave. No row: nothing of it is kept."""
    verification_id = asked.office.new_name("verification")
    question = write_canonical(
        {
            "id": verification_id,
            "mode": Mode.VERIFICATION.value,
            "service": asked.service.id,
            "limit": 1,
            "minimum": None,
            "claimed_reference": asked.reference,
            "probe": hashlib.sha256(face).hexdigest(),
            "second": "",
        }
    )
    sealed = now.seal(
        "verification.intent",
        by=asked.by,
        action="verify a claim",
        target=verification_id,
        outcome="permitted",
        decision=permit,
        causes=[check.index],
        public={
            "mode": Mode.VERIFICATION,
            "service": asked.service.id,
            "use": asked.use.id,
            "liveness": liveness,
        },
        committed={"request": hashlib.sha256(question).hexdigest()},
    )
    return question, sealed


def _seal_answer(
    asked: _Question, answer: Answer | ServiceFailure, intent: Sealed, face: bytes, started: datetime
) -> Verified | Instead:
    alternative = asked.terms.alternative
    with change(asked.office) as now:
        if isinstance(answer, ServiceFailure) or answer.comparison is None:
            failure = (
                answer
                if isinstance(answer, ServiceFailure)
                else ServiceFailure("no-comparison", "it compared nothing")
            )
            sealed = now.seal(
                "verification.failed",
                by=asked.by,
                action="record the failure",
                target=asked.use.id,
                outcome=failure.code,
                causes=[intent.index],
                public={"use": asked.use.id, "service": asked.service.id},
            )
            why: ServiceFailure | str = failure
            kept_until = None
        else:
            why = _outcome(answer.comparison.decision)
            kept, objects = _kept(now, asked, why, face)
            kept_until = kept[0].due if kept else None
            sealed = now.seal(
                "verification.outcome",
                by=asked.by,
                action="record the answer",
                target=asked.use.id,
                outcome=why,
                causes=[intent.index],
                public={
                    "use": asked.use.id,
                    "service": asked.service.id,
                    "kept": bool(kept),
                    "took_ms": milliseconds(started, now.at),
                },
                committed={"engine": answer.engine_id},
                rows=kept,
                objects=objects,
            )
    if why == "verified" and isinstance(answer, Answer) and answer.comparison is not None:
        assert answer.comparison.threshold is not None  # a decision rests on one: see `_outcome`
        return Verified(intent.index, sealed.index, now.receipt, answer.comparison.threshold, kept_until)
    return Instead(why, alternative, False, sealed.index, now.receipt, kept_until)


def _outcome(decision: ComparisonDecision | None) -> str:
    """The outcome in a code. Without a stated threshold there is no decision, and nobody is verified."""
    match decision:
        case ComparisonDecision.MATCH:
            return "verified"
        case ComparisonDecision.NON_MATCH:
            return "not-verified"
    return "no-decision"


def _kept(
    now: Change, asked: _Question, outcome: str, face: bytes
) -> tuple[list[KeptSample], list[VaultObject]]:
    """The sample as it is kept, with the instant by which it is destroyed; mostly it is not kept at all."""
    terms, office = asked.terms, asked.office
    hours = terms.keep_hours.get(outcome, {}).get(terms.destination, 0)
    if not hours:
        return [], []
    sample_id = office.new_id(KeptSample)
    stored = office.vault.put(office.new_name("object"), face, kind="sample", about=sample_id, at=now.at)
    sample = KeptSample(
        id=sample_id,
        use=asked.use,
        object=stored.id,
        outcome=outcome,
        destination=terms.destination,
        kept_at=now.at,
        due=now.at + timedelta(hours=hours),
    )
    return [sample], [stored]
