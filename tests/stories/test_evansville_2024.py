"""evansville-2024: one genuine, open case number, nine unrelated faces from social media; nobody noticed.

The officer is trained, on the case, and states a proper reason each time. What stands in the way is that a
photograph becomes a probe only of an evidence item of that case, with a source and a ground, and that many
faces on one case are seen.
"""

import pytest

from counterseal.casework.models import Probe
from counterseal.gateway.add_evidence import add_evidence
from counterseal.gateway.collect_probe import Collection, collect_probe
from counterseal.gateway.findings import dismiss_finding
from counterseal.gateway.open_case import assign
from counterseal.gateway.request_search import Purpose
from counterseal.gateway.search import Answered
from counterseal.oversight.models import Finding
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError
from office import SimulatedOffice, made, person

WORDS = ("harbour", "marina", "warehouse", "orchard", "foundry", "library", "quarry", "tannery", "bakery")


def reason(n: int) -> Purpose:
    """A new reason each time, as somebody would write who knows that reasons are measured."""
    told = f"Stolen bicycles were offered beside the {WORDS[n]} gate {n} and sellers paid cash, two neighbours describe"
    return Purpose("suspect-lead", told)


class TestBinding:
    def test_photograph_without_an_evidence_item_of_the_case_is_no_probe(self, office):
        """There is no way to put a face on a case number alone."""
        with pytest.raises(BadInputError, match="there is no evidence item"):
            collect_probe(
                office.office,
                evidence_id=office.case().number,
                photograph=person(3).photograph(2),
                collection=Collection(
                    subject_role="suspect",
                    depicts="person-sought",
                    bases_of_collection=["observed-conduct"],
                    captured_at=office.clock.now,
                    from_live_feed=False,
                ),
                by=office.who("ines"),
            )
        assert Probe.objects.count() == 0

    def test_probe_of_another_case_is_not_searched_on_this_one(self, office):
        """The genuine case does not lend its number."""
        genuine, other = office.case(), office.case()
        stranger = office.probe(other)

        with pytest.raises(BadInputError, match="belongs to another case"):
            office.request(genuine, stranger)
        assert made(office.request(other, stranger)).status == "requested"

    def test_item_needs_source_and_ground(self, office):
        """An item cannot be made up without saying where it is from and why one may hold it."""
        case = office.case()
        with pytest.raises(BadInputError, match="source class"):
            add_evidence(
                office.office,
                case_id=case.id,
                kind="photograph",
                source_class=" ",
                lawful_basis="publicly-posted",
                obtained_at=office.clock.now,
                by=office.who("ines"),
            )

    @pytest.mark.parametrize(
        ("source_class", "lawful_basis"),
        [("friends-of-a-friend", "publicly-posted"), ("social-media", "curiosity")],
    )
    def test_source_or_ground_that_no_rule_knows_is_refused(self, office, source_class, lawful_basis):
        """HSI-M/2-probe: lawfully obtained, and from where, in the words of the list."""
        case = office.case()
        item = office.item(case, "photograph", source_class=source_class, lawful_basis=lawful_basis)
        request = made(office.request(case, office.probe(case, item=item)))

        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/2-probe")
        assert office.local == {}, "nothing left"

    def test_the_same_photograph_with_source_and_ground_goes_through(self, office):
        """Only the one thing is mended."""
        case = office.case()
        item = office.item(case, "photograph", source_class="social-media", lawful_basis="publicly-posted")
        request = made(office.request(case, office.probe(case, item=item)))

        assert isinstance(office.search(request), Answered)


class TestBorrowedNumber:
    def test_officer_who_is_not_on_the_case_is_refused(self, office):
        """The case is genuine and open, and not his: he searches nothing on it, even with her probe."""
        case = office.case(by="ines")
        probe = office.probe(case, by="ines")
        request = made(office.request(case, probe, by="ivan"))

        office.sealed_refusal(
            office.search(request, by="ivan"),
            "search.refused",
            "HSI-M/4A1-purpose",
            "HSI-M/3-own-investigation",
        )

    def test_stranger_to_the_case_puts_nothing_into_its_file(self, office):
        """No item, and so no face: what he brings is refused at the door, and sealed."""
        case = office.case(by="ines")

        refusal = add_evidence(
            office.office,
            case_id=case.id,
            kind="photograph",
            source_class="social-media",
            lawful_basis="publicly-posted",
            obtained_at=office.clock.now,
            by=office.who("ivan"),
        )

        office.sealed_refusal(refusal, "evidenceitem.refused", "HSI-M/3-own-investigation")

    def test_nobody_puts_themselves_on_a_case(self, office):
        """Else the check above would be a formality."""
        case = office.case(by="ines")
        ivan = office.who("ivan")

        refusal = assign(office.office, case_id=case.id, person_id=ivan, by=ivan)

        office.sealed_refusal(refusal, "caseassignment.refused", "HSI-M/3-own-investigation")

    def test_stranger_to_the_case_puts_nobody_on_it(self, office):
        """Nor does a colleague from another unit do the favour."""
        case = office.case(by="ines")

        refusal = assign(
            office.office, case_id=case.id, person_id=office.who("untrained"), by=office.who("ivan")
        )

        office.sealed_refusal(refusal, "caseassignment.refused", "HSI-M/3-own-investigation")

    def test_put_on_the_case_by_one_of_its_own_he_may_search(self, office):
        """Only the one thing is mended."""
        case = office.case(by="ines")
        made(assign(office.office, case_id=case.id, person_id=office.who("ivan"), by=office.who("ines")))
        request = made(office.request(case, office.probe(case, by="ivan"), by="ivan"))

        assert isinstance(office.search(request, by="ivan"), Answered)


class TestManyFaces:
    def test_what_the_supervisor_sees_and_when(self, office):
        """Nine faces off social media: at the first, the third and the fourth something new is to be looked at."""
        case = office.case()
        seen = []
        for n in range(9):
            item = office.item(
                case, "photograph", source_class="social-media", lawful_basis="publicly-posted"
            )
            probe = office.probe(case, item=item, photograph=person(n % 8).photograph(1 + n // 8))
            answered = office.search(made(office.request(case, probe, purpose=reason(n))))
            assert isinstance(answered, Answered), "everything else about it is in order"
            seen.append(sorted(Finding.objects.values_list("kind", flat=True)))

        fits, social, many = "source-does-not-fit", "social-media-faces", "many-faces-on-one-case"
        assert seen[0] == [fits]
        assert seen[1] == [fits]
        assert seen[2] == sorted([fits, social])
        assert all(each == sorted([fits, social, many]) for each in seen[3:])
        assert office.fsck().sound

    def test_finding_says_why_in_words_and_leads_to_the_entry(self, office):
        """7.5: the reason in words, with what others have; the entry behind it; whom it concerns."""
        other = office.case()
        made_one = office.search(
            made(office.request(other, office.probe(other, photograph=person(7).photograph(5))))
        )
        assert isinstance(made_one, Answered)
        case = office.case()
        for n in range(4):
            answered = one_more_face(office, case, n)
            assert isinstance(answered, Answered)
        finding = Finding.objects.get(kind="many-faces-on-one-case")

        assert finding.says == (
            "4 faces on one case; other cases have 1.0 on average, 1 in the middle, 1 at most. "
            "Do they all belong to it?"
        )
        assert finding.entries == [answered.intent_index]
        assert (finding.about, finding.person_id) == (case.id, office.who("ines"))

    def test_officer_does_not_dismiss_it_and_the_supervisor_does_with_a_reason(self, office):
        """What stays is that somebody looked, who, when, and why it is nothing."""
        case = office.case()
        for n in range(4):
            one_more_face(office, case, n)
        finding = Finding.objects.get(kind="many-faces-on-one-case")

        refusal = dismiss_finding(
            office.office, finding_id=finding.id, reason="all mine", by=office.who("ines")
        )
        assert isinstance(refusal, Refusal)
        with pytest.raises(BadInputError):
            dismiss_finding(office.office, finding_id=finding.id, reason=" ", by=office.who("sol"))
        dismissed = made(
            dismiss_finding(
                office.office,
                finding_id=finding.id,
                reason="four of a gang of six, each named in the report of the harbour police",
                by=office.who("sol"),
            )
        )
        assert dismissed.status == "dismissed"

    def test_the_eleventh_face_is_refused(self, office):
        """D-026-11/no-mass-surveillance: ten faces a case, ours by number."""
        case = office.case()
        for n in range(11):
            asked = one_more_face(office, case, n)
            if n < 10:
                assert isinstance(asked, Answered), asked
        office.sealed_refusal(asked, "search.refused", "D-026-11/no-mass-surveillance")


def one_more_face(office: SimulatedOffice, case, n: int):
    """Another photograph on the same case, with a reason of its own."""
    told = f"{WORDS[n % 9]} {WORDS[(n + 1) % 9]} bicycles neighbours describe sellers cash trailer odd{chr(97 + n)}"
    probe = office.probe(case, photograph=person(n % 8).photograph(3 + n))
    return office.search(made(office.request(case, probe, purpose=Purpose("suspect-lead", told))))
