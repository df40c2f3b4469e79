"""Record what personnel certify before use: a completed course, and three attestations (HSI-M/4A3)."""

from datetime import datetime

from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.people.models import (
    Attestation,
    AttestationKind,
    Certificate,
    ExaminerQualification,
    Person,
    Role,
)
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError


def certify(
    office: Office,
    *,
    person_id: str,
    course: str,
    course_version: str,
    completed_at: datetime,
    expires: datetime,
    by: str,
) -> Certificate | Refusal:
    """Take over a course completion from the learning system. The training office does this, for others."""
    if not Person.objects.filter(pk=person_id).exists():
        raise BadInputError(f"there is no person `{person_id}`")
    with change(office) as now:
        if completed_at > now.at or expires <= completed_at:
            raise BadInputError("a course is completed in the past and its certificate expires after that")
        unmet = []
        if Role.TRAINING_OFFICE not in office.acting(by):
            unmet.append(
                Unmet(
                    "HSI-M/4A3-training",
                    "only the training office records completions",
                    "ask the training office to import the completion from the learning system",
                )
            )
        if by == person_id:
            unmet.append(
                Unmet(
                    "HSI-M/4A3-training",
                    "nobody records their own completion",
                    "another person must record it",
                )
            )
        if unmet:
            return now.refuse(
                "certificate.refused", now.unmet(unmet), by=by, action="certify", target=person_id
            )
        certificate = Certificate(
            id=office.new_id(Certificate),
            person_id=person_id,
            course=course,
            course_version=course_version,
            completed_at=completed_at,
            expires=expires,
            recorded_by_id=by,
        )
        now.seal(
            "certificate.recorded",
            by=by,
            action="certify",
            target=person_id,
            outcome="done",
            clauses=["HSI-M/4A3-training"],
            rows=[certificate],
        )
        return certificate


def attest(office: Office, *, kind: str, by: str) -> Attestation:
    """Attest, for oneself only, to the text of this kind in force now. A new version asks for it anew.

    Raises:
        BadInputError: there is no such kind. StaleError: this version is attested already.
    """
    if kind not in list(AttestationKind):
        raise BadInputError(f"there is no attestation `{kind}`; there are {', '.join(AttestationKind)}")
    with change(office) as now:
        office.acting(by)
        text = office.policies.attestation(kind)
        attestation = Attestation(
            id=office.new_id(Attestation), person_id=by, kind=kind, text_version=text.version, at=now.at
        )
        now.seal(
            "attestation.made",
            by=by,
            action="attest",
            target=by,
            outcome="done",
            clauses=[text.clause],
            public={"kind": kind, "version": text.version},
            rows=[attestation],
        )
        return attestation


def qualify_examiner(
    office: Office, *, person_id: str, authority: str, expires: datetime, by: str
) -> ExaminerQualification | Refusal:
    """Record that somebody is trained and authorised as a biometric facial examiner (HSI-M/4D1-examiners)."""
    if not authority.strip():
        raise BadInputError("say under which authority the examiner works")
    if not Person.objects.filter(pk=person_id).exists():
        raise BadInputError(f"there is no person `{person_id}`")
    with change(office) as now:
        if expires <= now.at:
            raise BadInputError("a qualification runs until a day in the future")
        if Role.TRAINING_OFFICE not in office.acting(by) or by == person_id:
            return now.refuse(
                "qualification.refused",
                now.unmet(
                    [
                        Unmet(
                            "HSI-M/4D1-examiners",
                            "an examiner's qualification is recorded by the training office, for somebody else",
                            "ask the training office",
                        )
                    ]
                ),
                by=by,
                action="qualify an examiner",
                target=person_id,
            )
        qualification = ExaminerQualification(
            id=office.new_id(ExaminerQualification),
            person_id=person_id,
            authority=authority,
            expires=expires,
            recorded_by_id=by,
        )
        now.seal(
            "qualification.recorded",
            by=by,
            action="qualify an examiner",
            target=person_id,
            outcome="done",
            clauses=["HSI-M/4D1-examiners"],
            rows=[qualification],
        )
        return qualification
