"""Draw a sample that anybody can draw again, and fill in a worksheet for each entry drawn.

1 commit to a secret; 2 later, ask for the population and draw: the seed is made of the secret and of the agency's
log head, which nobody knew at (1) (`oversight.sampling`); 3 answer each line of the worksheet for each entry. The
population is sealed with the draw, so that it cannot be chosen anew afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from counterseal.gateway.audit.ask import seal_question
from counterseal.gateway.audit.auditors import acting
from counterseal.gateway.audit.folder import AuditOffice
from counterseal.gateway.audit.own_log import Record, Sealed
from counterseal.gateway.audit.question import Answer, Question, answer
from counterseal.gateway.audit.reading import head_of, reading
from counterseal.oversight.sampling import SECRET_BYTES, commitment_of, draw, seed_of, share_of
from counterseal.terms.errors import BadInputError, IntegrityError, StaleError

WORKSHEET: Mapping[str, tuple[str, str]] = {
    "own-case": ("HSI-M/3-own-investigation", "the search belongs to a case on which the requester worked"),
    "purpose": ("HSI-M/4A1-purpose", "the written reason is specific, relevant and necessary for that case"),
    "means": (
        "HSI-M/4A2-traditional-means",
        "the traditional means that were named were really tried before",
    ),
    "training": ("HSI-M/4A3-training", "the requester held the course when the search ran"),
    "probe": ("HSI-M/2-probe", "the photograph comes from the source, and shows whom, that was stated"),
    "compared": (
        "HSI-M/4D2-compare",
        "candidates were held against other information before any became a lead",
    ),
    "leads-only": ("HSI-M/4D3-leads-only", "nothing was done that rests on the candidate alone"),
    "noted": ("HSI-M/4E2-results", "the result is noted in a report of investigation"),
}
"""The lines of an auditor's worksheet: id -> (clause, what a yes says)."""
ANSWERS = ("yes", "no", "not-applicable")


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample. population, drawn: leaf indices of the agency's log, drawn ones in drawing order.

    filled: entries with a worksheet; faults: lines answered no, by entry. secret: hex, shown so that it is drawn again.
    """

    id: str
    share: str
    seed: str
    secret: str
    commitment: str
    tree_size: int
    root: str
    population: tuple[int, ...]
    drawn: tuple[int, ...]
    filled: tuple[int, ...]
    faults: Mapping[int, tuple[str, ...]]
    sealed_at: int

    @property
    def left(self) -> tuple[int, ...]:
        """Entries drawn that nobody has filled in yet."""
        return tuple(index for index in self.drawn if index not in self.filled)


def commit_to_sample(office: AuditOffice, *, by: str) -> tuple[str, str]:
    """Commit to the secret of a later draw; answers with its id and the commitment (hex), which may be shown."""
    acting(office, by)
    secret = office.token(SECRET_BYTES)
    sample_id, commitment = office.new_name("sample"), commitment_of(secret)
    office.seal(
        "audit.sample-committed",
        by=by,
        action="commit to a sample",
        target=sample_id,
        committed={"secret": secret.hex(), "commitment": commitment},
    )
    return sample_id, commitment


def draw_sample(
    office: AuditOffice, *, sample_id: str, question: Question, share: str, by: str
) -> tuple[Sample, Answer]:
    """Draw from the answer to a question; answers with the sample, and with the entries drawn.

    Raises:
        BadInputError: no such commitment, nothing to draw from, or no share. StaleError: it was drawn already.
    """
    auditor = acting(office, by)
    part = share_of(share)
    with office.turn(), reading(office) as read:
        committed = _committed(office, sample_id)
        if any(r.says("target") == sample_id for r in office.records("audit.sample-drawn")):
            raise StaleError(f"sample `{sample_id}` was drawn already: commit to another")
        found = answer(read, question, own=auditor.persons)
        population = [row.index for row in found.rows]
        if not population:
            seal_question(office, read, found, by=by)
            raise BadInputError("no entry of the log is what was asked for: there is nothing to draw from")
        secret = bytes.fromhex(committed.says("secret"))
        seed = seed_of(
            secret,
            commitment=committed.says("commitment"),
            tree_size=read.head.size,
            root_hash=read.head.root,
        )
        drawn = [int(i) for i in draw(map(str, population), seed=seed, share=part)]
        shown = answer(read, Question(entries=tuple(drawn)), own=auditor.persons)
        office.seal(
            "audit.sample-drawn",
            by=by,
            action="draw a sample",
            target=sample_id,
            causes=[committed.index],
            committed={
                "question": question.to_json(),
                "share": str(part),
                "seed": seed.hex(),
                "population": population,
                "drawn": drawn,
                "answer": shown.digest(),
                "agency_head": head_of(read),
            },
        )
    return sample(office, sample_id), shown


def fill_worksheet(
    office: AuditOffice, *, sample_id: str, index: int, answers: Mapping[str, str], words: str = "", by: str
) -> Sealed:
    """Answer every line of the worksheet for one entry that was drawn. words: needed where a line is answered no.

    Raises:
        BadInputError: a line is missing or unknown, or the entry was not drawn. StaleError: it was filled already.
    """
    acting(office, by)
    if set(answers) != set(WORKSHEET) or not set(answers.values()) <= set(ANSWERS):
        raise BadInputError(
            f"a worksheet answers each of {', '.join(WORKSHEET)} with one of {', '.join(ANSWERS)}"
        )
    if "no" in answers.values() and not words.strip():
        raise BadInputError("a line answered `no` says why, in words")
    with office.turn():
        known = sample(office, sample_id)
        if index not in known.drawn:
            raise BadInputError(f"entry {index} was not drawn in sample `{sample_id}`")
        if index in known.filled:
            raise StaleError(
                f"the worksheet of entry {index} was filled in already; what was seen then stays"
            )
        return office.seal(
            "audit.worksheet-filled",
            by=by,
            action="fill in a worksheet",
            target=sample_id,
            causes=[known.sealed_at],
            committed={"entry": index, "answers": dict(answers), "words": words.strip()},
        )


def samples(office: AuditOffice) -> tuple[Sample, ...]:
    """Every sample drawn, oldest first, as far as it is filled in."""
    worksheets = office.records("audit.worksheet-filled")
    return tuple(_read(office, r, worksheets) for r in office.records("audit.sample-drawn"))


def sample(office: AuditOffice, sample_id: str) -> Sample:
    """One sample.

    Raises:
        BadInputError: none of this id was drawn.
    """
    for each in samples(office):
        if each.id == sample_id:
            return each
    raise BadInputError(f"no sample `{sample_id}` was drawn here")


def verify_sample(known: Sample) -> None:
    """Draw again, from what was sealed alone.

    Raises:
        IntegrityError: another sample comes out. SamplingError: the secret is not the one committed to.
    """
    seed = seed_of(
        bytes.fromhex(known.secret),
        commitment=known.commitment,
        tree_size=known.tree_size,
        root_hash=bytes.fromhex(known.root),
    )
    again = tuple(int(i) for i in draw(map(str, known.population), seed=seed, share=Fraction(known.share)))
    if seed.hex() != known.seed or again != known.drawn:
        raise IntegrityError(f"sample `{known.id}` is not what its seed draws")


def _committed(office: AuditOffice, sample_id: str) -> Record:
    for record in office.records("audit.sample-committed"):
        if record.says("target") == sample_id:
            return record
    raise BadInputError(
        f"there is no commitment `{sample_id}`: `counterseal audit sample-commit` comes before the draw"
    )


def _read(office: AuditOffice, drawn: Record, worksheets: Sequence[Record]) -> Sample:
    sample_id, said = drawn.says("target"), drawn.opened
    committed = _committed(office, sample_id)
    head, faults, filled = _list(said["agency_head"]), {}, []
    for sheet in worksheets:
        if sheet.says("target") == sample_id:
            entry, answers = int(str(sheet.opened["entry"])), sheet.opened["answers"]
            assert isinstance(answers, Mapping)
            filled.append(entry)
            faults[entry] = tuple(line for line, each in answers.items() if each == "no")
    return Sample(
        sample_id,
        drawn.says("share"),
        drawn.says("seed"),
        committed.says("secret"),
        committed.says("commitment"),
        int(str(head[0])),
        str(head[1]),
        tuple(int(str(i)) for i in _list(said["population"])),
        tuple(int(str(i)) for i in _list(said["drawn"])),
        tuple(filled),
        {entry: lines for entry, lines in faults.items() if lines},
        drawn.index,
    )


def _list(value: object) -> Sequence[object]:
    assert isinstance(value, Sequence)
    return value
