"""untrained-2023: 10 of 196 people with access had finished the course. No certificate, no search."""

from datetime import timedelta

from counterseal.gateway.certify import attest, certify
from counterseal.gateway.open_case import assign
from counterseal.gateway.search import Answered
from counterseal.oversight.models import LogEntry
from counterseal.people.models import AttestationKind
from office import SimulatedOffice, made

TRAINING = ("HSI-M/4A3-training", "HSI-M/4A3-best-practice", "HSI-M/4A3-safeguards")


def request_of_newcomer(office: SimulatedOffice):
    """Una has the role, the case, the terms, a step tried and a proper reason. She took no course."""
    case = office.case(by="untrained")
    return made(office.request(case, office.probe(case, by="untrained"), by="untrained"))


def completed(office: SimulatedOffice, *, expires_in: timedelta = timedelta(days=365)) -> None:
    """The training office takes over a completion."""
    course = office.office.policies.attestation(AttestationKind.COURSE)
    made(
        certify(
            office.office,
            person_id=office.who("untrained"),
            course=course.course,
            course_version=course.version,
            completed_at=office.clock.now - timedelta(days=1),
            expires=office.clock.now + expires_in,
            by=office.who("tess"),
        )
    )


class TestUntrained:
    def test_refused_by_the_three_clauses_and_counted(self, office):
        """Three things are certified apart; each that lacks is named, and the refusal is in the log."""
        request = request_of_newcomer(office)
        before = LogEntry.objects.count()

        refusal = office.sealed_refusal(office.search(request, by="untrained"), "search.refused", *TRAINING)

        assert before + 1 == LogEntry.objects.count()
        assert office.local == {}, "the service was not asked"
        assert all(u.remedy for u in refusal.unmet)

    def test_each_missing_attestation_is_named_alone(self, office):
        """The course alone is not enough, nor the course with one text."""
        request = request_of_newcomer(office)
        una = office.who("untrained")
        completed(office)
        attest(office.office, kind="course", by=una)
        office.sealed_refusal(office.search(request, by="untrained"), "search.refused", *TRAINING[1:])
        attest(office.office, kind="best-practice", by=una)
        office.sealed_refusal(office.search(request, by="untrained"), "search.refused", TRAINING[2])
        attest(office.office, kind="safeguards", by=una)

        assert isinstance(office.search(request, by="untrained"), Answered)
        assert office.fsck().sound

    def test_certificate_that_ran_out_is_none(self, office):
        """Una had it, for two days."""
        request = request_of_newcomer(office)
        completed(office, expires_in=timedelta(days=2))
        for kind in AttestationKind:
            attest(office.office, kind=kind, by=office.who("untrained"))
        office.clock.forward(days=3)

        office.sealed_refusal(office.search(request, by="untrained"), "search.refused", TRAINING[0])

    def test_completion_is_not_recorded_by_oneself_nor_by_a_colleague(self, office):
        """The training office, for somebody else."""
        course = office.office.policies.attestation(AttestationKind.COURSE)
        for by in ("untrained", "ines", "sol"):
            refusal = certify(
                office.office,
                person_id=office.who("untrained"),
                course=course.course,
                course_version=course.version,
                completed_at=office.clock.now - timedelta(days=1),
                expires=office.clock.now + timedelta(days=9),
                by=office.who(by),
            )
            office.sealed_refusal(refusal, "certificate.refused", "HSI-M/4A3-training")

    def test_a_trained_colleague_does_not_lend_the_search(self, office):
        """Who submits is who asked: the log names one person."""
        request = request_of_newcomer(office)
        made(
            assign(
                office.office,
                case_id=request.case_id,
                person_id=office.who("ines"),
                by=office.who("untrained"),
            )
        )

        office.sealed_refusal(office.search(request, by="ines"), "search.refused", "HSI-M/4E1-log")
