"""Persons with roles, and what they have certified.

One account is one person. A role is granted by somebody else. Before use a person holds a completed course
and three attestations, each to a text of one version (HSI-M/4A3-*).
"""

from enum import StrEnum

from django.db import connection, models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow


class Role(StrEnum):
    """What a person may do. A person can hold several; pairs that must differ are checked by person, not by role."""

    INVESTIGATOR = "investigator"
    SUPERVISOR = "supervisor"
    EXAMINER = "examiner"
    DISCLOSURE_OFFICER = "disclosure-officer"
    ANALYSIS_OPERATOR = "analysis-operator"
    GATE_OPERATOR = "gate-operator"
    REVIEWING_UNIT = "reviewing-unit"
    PRIVACY_OFFICE = "privacy"
    CIVIL_RIGHTS_OFFICE = "civil-rights"
    INFORMATION_OFFICE = "information-officer"
    TRAINING_OFFICE = "training-office"
    RECORDS_OFFICE = "records-office"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class AttestationKind(StrEnum):
    """The three things personnel certify, apart from one another (HSI-M/4A3)."""

    COURSE = "course"
    BEST_PRACTICE = "best-practice"
    SAFEGUARDS = "safeguards"


class Person(SealedRow):
    """Somebody who acts in the gateway. `name` and `unit` are as they were when recorded."""

    prefix = "person"

    name = models.CharField(max_length=200)
    unit = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    admitted_at = models.DateTimeField()


class RoleGrant(SealedRow):
    """A role, from when to when, and who granted it."""

    prefix = "grant"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=40)
    granted_by_id = models.CharField(max_length=48)
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(person_id=F("granted_by_id")), name="role_granted_by_another"
            ),
            models.CheckConstraint(condition=Q(role__in=[str(r) for r in Role]), name="role_known"),
            models.UniqueConstraint(
                fields=["person", "role"], condition=Q(revoked_at=None), name="role_once"
            ),
        ]


class Certificate(SealedRow):
    """A completed course as the learning system reports it (HSI-M/4A3-training)."""

    prefix = "certificate"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="certificates")
    course = models.CharField(max_length=80)
    course_version = models.CharField(max_length=40)
    completed_at = models.DateTimeField()
    expires = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires__gt=F("completed_at")), name="certificate_expires_later"
            ),
        ]


class Attestation(SealedRow):
    """One statement by one person to one version of one text; a new version asks for it anew."""

    prefix = "attestation"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="attestations")
    kind = models.CharField(max_length=20)
    text_version = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(k) for k in AttestationKind]), name="attestation_kind"
            ),
            models.UniqueConstraint(fields=["person", "kind", "text_version"], name="attestation_once"),
        ]


class ExaminerQualification(SealedRow):
    """Training and authorisation to state examiner conclusions (HSI-M/4D1-examiners)."""

    prefix = "qualification"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="qualifications")
    authority = models.CharField(max_length=200)
    expires = models.DateTimeField()
    recorded_by_id = models.CharField(max_length=48)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(person_id=F("recorded_by_id")), name="qualified_by_another"),
        ]


def roles_of(person_id: str) -> frozenset[str]:
    """The roles that this person holds now; none for an unknown or inactive person."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role FROM people_rolegrant g JOIN people_person p ON p.id = g.person_id "
            "WHERE p.id = %s AND p.active AND g.revoked_at IS NULL",
            [person_id],
        )
        return frozenset(row[0] for row in cursor.fetchall())
