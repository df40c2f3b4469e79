"""A boarding gate in the simulated office: a use outside law enforcement, its terms, its camera."""

from dataclasses import dataclass, field

from counterseal.cli.demo.agency import assess
from counterseal.connectors.embedded import GalleryDesk
from counterseal.gateway.check_opt_out import Choice
from counterseal.gateway.propose_use import concur, propose_use
from counterseal.gateway.register_service import accept_terms
from counterseal.gateway.verification_terms import state_verification_terms
from counterseal.gateway.verify_claim import Instead, Liveness, Sample, Verified, verify_claim
from office import SimulatedOffice, made, person

ALTERNATIVE = "An officer looks at your travel document by eye, at the desk on the left, without a camera"
TOLD = Choice(told=True)
NO = Choice(told=True, said="no")


@dataclass
class Camera:
    """The camera at the gate; says whether it was asked to look."""

    picture: bytes
    liveness: str = Liveness.NO_ATTACK_SEEN
    looked: int = field(default=0)

    def __call__(self) -> Sample:
        """Look once."""
        self.looked += 1
        return Sample(self.picture, self.liveness)


class Gate:
    """A boarding gate with an active use, run by Gail."""

    def __init__(self, office: SimulatedOffice, **stated: object) -> None:
        self.office = office
        people = office.agency.people
        use = made(
            propose_use(
                office.office,
                name="Boarding",
                purpose="Check at the gate that the traveller is the one on the booking",
                law_enforcement=False,
                by=people["sol"],
            )
        )
        assess(office.office, use.id, people)
        for short, said_for in (("pat", "privacy"), ("cora", "civil-rights"), ("cio", "information-officer")):
            made(concur(office.office, use_id=use.id, as_office=said_for, concurs=True, by=people[short]))
        self.use_id = use.id
        self.terms = self.state(**stated)
        accept_terms(office.office, service_id=office.agency.service_id, by=people["gail"])

    def state(self, **stated: object) -> object:
        """State how the use verifies; `stated` overrides any argument."""
        arguments: dict[str, object] = {
            "use_id": self.use_id,
            "service_id": self.office.agency.service_id,
            "setting": "boarding",
            "alternative": ALTERNATIVE,
            "by": self.office.who("pat"),
        } | stated
        return made(state_verification_terms(self.office.office, **arguments))  # type: ignore[arg-type]

    def reference(self, n: int) -> str:
        """Id of the reference of the n-th synthetic person in the service's database."""
        desk = GalleryDesk(self.office.office.home / "services" / "embedded")
        try:
            (found,) = [r.reference_id for r in desk.references() if r.person_id == person(n).person_id]
        finally:
            desk.close()
        return found

    def verify(
        self, camera: Camera, *, choice: Choice = TOLD, reference: str = "", by: str = "gail"
    ) -> Verified | Instead:
        """One claim to be the person with number 3, unless told otherwise."""
        return verify_claim(
            self.office.office,
            use_id=self.use_id,
            reference=reference or self.reference(3),
            choice=choice,
            camera=camera,
            by=self.office.who(by),
        )
