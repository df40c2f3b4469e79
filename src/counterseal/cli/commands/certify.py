"""`counterseal certify`: courses, attestations, examiners' qualifications."""

from datetime import datetime

import click

from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome
from counterseal.cli.parsing import INSTANT
from counterseal.cli.views import answered, view
from counterseal.gateway import certify as verbs
from counterseal.people.models import AttestationKind

certify = Ordered("certify", help="Courses, attestations, examiners' qualifications.")


@command(certify, "record", acts="tess")
@click.argument("who", metavar="PERSON")
@click.option("--course", help="Code of the course; the policies' course unless told.")
@click.option("--course-version", help="Its version; the one the policies ask for unless told.")
@click.option("--completed", type=INSTANT, required=True, help="When it was completed.")
@click.option("--expires", type=INSTANT, required=True, help="When the certificate runs out.")
def record(
    desk: Desk,
    *,
    who: str,
    course: str | None,
    course_version: str | None,
    completed: datetime,
    expires: datetime,
) -> Outcome:
    """Take over a course completion from the learning system. The training office does this."""
    asked = desk.office.policies.attestation(AttestationKind.COURSE)
    row = verbs.certify(
        desk.office,
        person_id=desk.person(who),
        course=course or asked.course,
        course_version=course_version or asked.version,
        completed_at=completed,
        expires=expires,
        by=desk.by,
    )
    return answered(row, "Recorded.")


@command(certify, "attest", acts="untrained")
@click.argument("kind", type=click.Choice([str(k) for k in AttestationKind]))
@click.option("--show", is_flag=True, help="Show the text and attest to nothing.")
def attest(desk: Desk, *, kind: str, show: bool) -> Outcome:
    """Attest, for oneself only, to the text of this kind in force now."""
    text = desk.office.policies.attestation(kind)
    shown = {"clause": text.clause, "version": text.version, "title": text.title, "text": text.text}
    if show:
        return Outcome({"kind": kind, **shown})
    row = verbs.attest(desk.office, kind=kind, by=desk.by)
    return Outcome({**view(row), **shown}, headline="Attested.")


@command(certify, "examiner", acts="tess")
@click.argument("who", metavar="PERSON")
@click.option("--authority", required=True, help="Who authorised them to state conclusions.")
@click.option("--expires", type=INSTANT, required=True, help="When the qualification runs out.")
def examiner(desk: Desk, *, who: str, authority: str, expires: datetime) -> Outcome:
    """Record that somebody is trained and authorised as a biometric facial examiner."""
    row = verbs.qualify_examiner(
        desk.office, person_id=desk.person(who), authority=authority, expires=expires, by=desk.by
    )
    return answered(row, "Recorded.")
