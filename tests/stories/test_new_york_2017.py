"""new-york-2017: a still too poor to search was replaced by the photograph of an actor whom the thief resembled."""

import pytest

from counterseal.casework.models import Probe
from counterseal.cli.demo.synthetic_people import blurred_still, store_camera_still
from counterseal.gateway.search import Answered
from counterseal.terms.biometrics import FailureToAcquire
from office import made, person

ACTOR = 6


class TestReplacedStill:
    def test_poor_still_then_the_actor_then_a_usable_still(self, office):
        """The whole story: neither the still nor its replacement is searched; a better still of the thief is."""
        case = office.case()
        assert isinstance(office.probe(case, photograph=blurred_still(person(3))), FailureToAcquire)

        actor = office.probe(
            case, photograph=person(ACTOR).photograph(1), depicts="an actor he resembles", look_alike=True
        )
        assert isinstance(actor, Probe)
        request = made(office.request(case, actor))
        refusal = office.sealed_refusal(office.search(request), "search.refused", "HSI-M/2-probe")
        assert {u.condition for u in refusal.unmet} == {"person-sought", "hsi-look-alike"}
        assert office.local == {}, "the service was not asked"

        thief = office.probe(case, photograph=store_camera_still(person(3)))
        assert isinstance(office.search(made(office.request(case, thief))), Answered)

    @pytest.mark.parametrize(
        ("stated", "condition"),
        [
            ({"depicts": "an actor he resembles"}, "person-sought"),
            ({"look_alike": True}, "hsi-look-alike"),
            ({"sketch": True}, "hsi-sketch"),
            ({"generated": True}, "hsi-generated-face"),
        ],
    )
    def test_each_replacement_is_refused_for_itself(self, office, stated, condition):
        """Somebody else, a look-alike, a drawing or composite, a face made or filled in by software."""
        case = office.case()
        request = made(office.request(case, office.probe(case, **stated)))

        refusal = office.sealed_refusal(office.search(request), "search.refused", "HSI-M/2-probe")
        assert [u.condition for u in refusal.unmet] == [condition]

    @pytest.mark.parametrize("stated", [{"generated": True}, {"sketch": True}])
    def test_nor_does_it_come_in_as_the_second_photograph(self, office, stated):
        """Two photographs: the second is asked the same."""
        case = office.case()
        second = office.probe(case, photograph=person(3).photograph(4), **stated)
        request = made(
            office.request(case, office.probe(case), mode="two-photographs", second_probe_id=second.id)
        )

        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/2-probe")
