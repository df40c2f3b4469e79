"""What the images of a test are: source, legal basis, consent, size, and what is not known of them."""

from dataclasses import dataclass
from typing import Any

from counterseal.evaluation.strict import Document, PlanError, Table, document_digest, plain, read_toml


@dataclass(frozen=True, slots=True)
class TimeLapse:
    """Days between the two images of mated comparisons."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True, slots=True)
class CorpusCard:
    """What the images of a test are. Where something is not known, the card says so in words; nothing is empty."""

    source: str
    legal_basis: str
    consent: str
    people: int
    images: int
    sessions: int | None
    time_lapse_days: TimeLapse | None
    capture: str
    image_size: str
    eye_distance: str
    ground_truth: str
    label_errors: str
    training_overlap: str
    notes: str

    @classmethod
    def from_toml(cls, text: str) -> "CorpusCard":
        """Read the card that a person wrote. Raises PlanError, naming the key."""
        return cls.from_json(read_toml(text, "corpus card"))

    @classmethod
    def from_json(cls, document: Document) -> "CorpusCard":
        """Read a card from plain values. Raises PlanError, naming the key."""
        table = Table(document, "")
        lapse = table.table("time_lapse_days", optional=True)
        card = cls(
            source=table.text("source"),
            legal_basis=table.text("legal_basis"),
            consent=table.text("consent"),
            capture=table.text("capture"),
            image_size=table.text("image_size"),
            eye_distance=table.text("eye_distance"),
            ground_truth=table.text("ground_truth"),
            label_errors=table.text("label_errors"),
            training_overlap=table.text("training_overlap"),
            notes=table.text("notes", optional=True) or "",
            people=table.integer("people", least=1),
            images=table.integer("images", least=1),
            sessions=table.integer("sessions", least=1, optional=True),
            time_lapse_days=None
            if lapse is None
            else TimeLapse(*(lapse.number(name, low=0.0) for name in ("median", "q1", "q3"))),
        )
        if lapse is not None:
            lapse.done()
            found = card.time_lapse_days
            if found is not None and not found.q1 <= found.median <= found.q3:
                raise PlanError("`time_lapse_days`: q1, median and q3 are given in ascending order")
        table.done()
        return card

    def as_json(self) -> dict[str, Any]:
        """Every key, null where nothing is told."""
        return dict(plain(self))

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of its canonical JSON."""
        return document_digest(self.as_json())
