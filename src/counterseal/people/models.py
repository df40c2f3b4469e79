"""Persons with roles, and what they have certified.

One account is one person. A role is granted by somebody else. Before use a person holds a completed course
and three attestations, each to a text of one version (HSI-M/4A3-*).
"""

from enum import StrEnum

from django.db import connection, models
from django.db.models import F, Q

from counterseal.terms.rows import SealedRow
from counterseal.terms.sessions import Factor


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


class SessionEnd(StrEnum):
    """Why a session ended. BEGUN_ELSEWHERE: the same person began another one at another terminal."""

    SIGNED_OUT = "signed-out"
    BEGUN_AGAIN = "begun-again"
    BEGUN_ELSEWHERE = "begun-elsewhere"
    RUN_OUT = "run-out"
    ENDED_BY_ANOTHER = "ended-by-another"


class Session(SealedRow):
    """One person at one terminal, for some hours. A person has one that has not ended.

    token_hash: keyed hash of what the terminal shows with each request; the token itself is kept nowhere.
    begun_index: leaf index of the entry that began it.
    """

    prefix = "session"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sessions")
    factor = models.CharField(max_length=30)
    terminal = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    begun_index = models.BigIntegerField()
    begun_at = models.DateTimeField()
    expires = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires__gt=F("begun_at")), name="session_expires_later"),
            models.CheckConstraint(condition=Q(factor__in=[str(f) for f in Factor]), name="session_factor"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_because="")
                | Q(ended_at__isnull=False, ended_because__in=[str(e) for e in SessionEnd]),
                name="session_ended_because",
            ),
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at=None), name="one_session_per_person"
            ),
        ]


class SessionDisowned(SealedRow):
    """The person whose session it was says that somebody else acted in it. words: an object of the vault."""

    prefix = "disowned"

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="disowned")
    stated_by_id = models.CharField(max_length=48)
    words = models.CharField(max_length=48)
    at = models.DateTimeField()


class SessionUse(models.Model):
    """When a session was last seen. Not sealed: within the hours that are, it can only shorten or prolong a pause."""

    session = models.OneToOneField(Session, on_delete=models.PROTECT, primary_key=True, related_name="use")
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.session_id)


def roles_of(person_id: str) -> frozenset[str]:
    """The roles that this person holds now; none for an unknown or inactive person."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role FROM people_rolegrant g JOIN people_person p ON p.id = g.person_id "
            "WHERE p.id = %s AND p.active AND g.revoked_at IS NULL",
            [person_id],
        )
        return frozenset(row[0] for row in cursor.fetchall())
