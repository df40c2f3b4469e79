"""new-york-2025: a photograph from a dismissed case, a line-up, a man half a foot taller and twelve miles away."""

from counterseal.gateway.add_evidence import relate
from counterseal.gateway.enrol_references import list_references, withhold_reference
from office import person


class TestDismissedCase:
    def test_withheld_reference_comes_back_from_no_search(self, office):
        """Gallery hygiene: the photograph of a dismissed case is not searchable, and that is sealed."""
        wanted = person(3).person_id
        held = {r["person"]: r for r in list_references(office.office, connector="embedded")}[wanted]
        before = office.searched()
        assert before.answer.candidates[0].person_ref == wanted

        refusal = withhold_reference(
            office.office,
            connector="embedded",
            reference_id=str(held["reference"]),
            searchable=False,
            by=office.who("rue"),
        )

        assert refusal is None
        assert office.entries()[-1].kind == "reference.withheld"
        again = office.searched(why_again="the reference was withheld since", purpose=office.another_reason())
        assert wanted not in {c.person_ref for c in again.answer.candidates}
        assert wanted not in {f.person_ref for f in again.answer.foils}
        assert again.answer.searched == before.answer.searched - 1


class TestPhysicalContradiction:
    def test_height_and_telephone_block(self, office):
        """Two open contradictions, each to be settled, beside a line-up that supports nothing."""
        lead = office.lead()
        office.support(lead, "witness-statement", saw_offence=True)
        office.support(lead, "line-up", saw_offence=True, derived_from=lead.candidate_id)
        for kind in ("description", "location-record"):
            relate(
                office.office,
                source=office.item(lead.case, kind).id,
                relation="contradicts",
                target=lead.id,
                by=office.who("ines"),
            )

        outcome = office.clearance(lead)

        office.sealed_refusal(outcome, "action.refused", "HSI-M/4D2-compare")
        assert outcome.standing.contradictions_open == 2
        assert outcome.standing.from_face_recognition == 1
