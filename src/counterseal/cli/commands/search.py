"""`counterseal search`: request, approve and run one use of a service."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from counterseal.casework.models import Case, Probe, SearchRequest
from counterseal.casework.words import ApprovalKind
from counterseal.cli.command import Ordered, command
from counterseal.cli.demo.agency import CASE_TYPES, PROGRAM_CODE
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Exit, Outcome, not_acquired, obligation_json, refused
from counterseal.cli.parsing import FILE, read_file
from counterseal.cli.views import answered, view
from counterseal.gateway.add_evidence import add_evidence
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.collect_probe import Collection, collect_probe
from counterseal.gateway.found import found
from counterseal.gateway.open_case import open_case, record_step
from counterseal.gateway.request_search import Exigency, Purpose, request_search
from counterseal.gateway.reveal_for_evaluation import reveal_for_evaluation
from counterseal.gateway.review import CAVEAT
from counterseal.gateway.search import Failed
from counterseal.gateway.search import search as run_search
from counterseal.terms.biometrics import FailureToAcquire, Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

search = Ordered("search", help="Request, approve and run one use of a service.")
REQUEST = click.argument("request_id", metavar="REQUEST")
FOR_EVALUATION = (
    "For evaluation only: outside one, nothing of this is seen before two people reviewed the list."
)

# What a request says, for `request` and for `new`.
_WORDS = (
    click.option("--mode", type=click.Choice([str(m) for m in Mode]), default="identification", show_default=True),
    click.option("--claim", default="", metavar="REFERENCE", help="The reference claimed, for a verification."),
    click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="Longest list, 1 to 50."),
    click.option("--minimum", type=float, help="Leave out whatever is less alike than this score."),
    click.option("--service", default="", help="Service id or name; the only one unless told."),
    click.option("--use", default="", help="Use id or name; the only active one unless told."),
    click.option("--purpose", default="", help="Code of the purpose, for example suspect-lead."),
    click.option("--narrative", default="", help="Why, in words that say something."),
    click.option("--relevant", is_flag=True, help="I state that it is relevant to this case."),
    click.option("--necessary", is_flag=True, help="I state that it is necessary for this case."),
    click.option("--methods-exhausted", is_flag=True, help="For a witness: other methods are exhausted."),
    click.option("--exigency-ground", default="", help="Claim exigent circumstances: the ground ..."),
    click.option("--exigency-facts", default="", help="... the facts ..."),
    click.option("--exigency-why", default="", help="... and why nobody could approve before."),
    click.option("--why-again", default="", help="Why this photograph is searched again."),
    click.option("--on-behalf-of", default="", metavar="AGREEMENT", help="For another agency: the agreement's id."),
)  # fmt: skip


def words(work: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Add the options that a request is stated in."""
    for option in reversed(_WORDS):
        work = option(work)
    return work


@command(search, "request", acts="ines")
@click.option("--probe", "probe_id", required=True, metavar="PROBE")
@click.option("--second-probe", "second_id", default="", metavar="PROBE", help="For two photographs.")
@words
def request(desk: Desk, *, probe_id: str, second_id: str, **said: Any) -> Outcome:
    """Write down what is asked. Nothing is decided and nothing leaves yet."""
    row = _requested(desk, probe_id, second_id, said)
    return answered(row, "Requested.", "Next: counterseal search run {id}")


@command(search, "approve", acts="sol")
@REQUEST
@click.option("--kind", type=click.Choice([str(k) for k in ApprovalKind]), required=True)
@click.option("--grant/--refuse", "granted", required=True, help="Yes or no.")
@click.option("--words", "reasons", required=True, help="Why, in words of your own.")
def approve(desk: Desk, *, request_id: str, kind: str, granted: bool, reasons: str) -> Outcome:
    """Decide, as a second person, on a request as it was frozen."""
    row = approve_search(
        desk.office, request_id=request_id, kind=kind, granted=granted, words=reasons, by=desk.by
    )
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome(
        {"id": row.id, "request": request_id, "kind": kind, "granted": granted, "entry": row.entry_index},
        headline="Granted." if granted else "Not granted.",
    )


@command(search, "run", acts="ines")
@REQUEST
def run(desk: Desk, *, request_id: str) -> Outcome:
    """Take a request down the road: decide, seal, ask the service, seal what came of it."""
    return _run(desk, request_id)


@command(search, "new", acts="ines")
@click.option("--probe", "probe_id", default="", metavar="PROBE", help="A probe that was collected.")
@click.option("--second-probe", "second_id", default="", metavar="PROBE", help="For two photographs.")
@click.option("--photo", type=FILE, help="In an evaluation: a photograph; everything else is filled in.")
@click.option("--second", type=FILE, help="In an evaluation: the second photograph, for two photographs.")
@click.option("--reveal-for-evaluation", "reveal", is_flag=True, help="In an evaluation: show ranks at once.")
@words
def new(
    desk: Desk,
    *,
    probe_id: str,
    second_id: str,
    photo: Path | None,
    second: Path | None,
    reveal: bool,
    **said: Any,
) -> Outcome:
    """Request and run in one go.

    In an installation for evaluation `--photo FILE` is enough: case, step, evidence and probe are made up and
    sealed as such. `--mode two-photographs --second FILE` compares two photographs, `--mode verification
    --claim REFERENCE` compares with one reference.
    """
    if bool(probe_id) == bool(photo):
        raise BadInputError("give either `--probe PROBE` or, in an evaluation, `--photo FILE`")
    if not desk.evaluation and (photo or second or reveal):
        raise BadInputError(
            "`--photo`, `--second` and `--reveal-for-evaluation` make things up or show what reviewers must not "
            "see: they work in an installation for evaluation only; collect a probe and give `--probe`"
        )
    _check_pairs(said["mode"], claim=said["claim"], second=bool(second or second_id))
    if photo:
        made = _made_up(desk, photo, second, said)
        if isinstance(made, Outcome):
            return made
        probe_id, second_id, said = made.probe_id, made.second_id, made.said
    row = _requested(desk, probe_id, second_id, said)
    return refused(row) if isinstance(row, Refusal) else _run(desk, row.id, reveal=reveal)


@command(search, "show")
@REQUEST
def show(_: Desk, *, request_id: str) -> Outcome:
    """One request and what became of it. Candidates by id only: ranks and scores come out of the review."""
    row = found(SearchRequest, request_id)
    data = view(row)
    answer = getattr(row, "candidate_list", None)
    reviews: list[dict[str, Any]] = []
    if answer is not None:
        candidates = answer.candidates.filter(foil=False).order_by("id")
        data |= {
            "list": answer.id,
            "searched": answer.searched,
            "comparison": answer.comparison or None,
            "candidates": [c.id for c in candidates],
        }
        reviews = [view(r) for r in answer.reviews.order_by("turn")]
    return Outcome(
        {
            **data,
            "approvals": [
                {"id": a.id, "kind": a.kind, "granted": a.granted, "by": a.approver_id}
                for a in row.approvals.order_by("at")
            ],
            "reviews": reviews,
        },
        tables={"approvals": ("id", "kind", "granted", "by"), "reviews": ("id", "turn", "status")},
    )


@command(search, "list")
def list_requests(_: Desk) -> Outcome:
    """Every request with its state."""
    return Outcome(
        {"requests": [view(r) for r in SearchRequest.objects.order_by("requested_at", "id")]},
        tables={"requests": ("id", "case", "mode", "status", "intent_index")},
    )


def _requested(desk: Desk, probe_id: str, second_id: str, said: dict[str, Any]) -> SearchRequest | Refusal:
    exigency = None
    if said["exigency_ground"] or said["exigency_facts"] or said["exigency_why"]:
        exigency = Exigency(said["exigency_ground"], said["exigency_facts"], said["exigency_why"])
    return request_search(
        desk.office,
        case_id=found(Probe, probe_id).case_id,
        probe_id=probe_id,
        second_probe_id=second_id,
        service_id=desk.service(said["service"]),
        use_id=desk.use(said["use"]),
        mode=said["mode"],
        purpose=Purpose(said["purpose"], said["narrative"], said["relevant"], said["necessary"]),
        limit=said["limit"],
        minimum=said["minimum"],
        claimed_reference=said["claim"],
        exigency=exigency,
        witness_methods_exhausted=said["methods_exhausted"],
        why_again=said["why_again"],
        on_behalf_of=said["on_behalf_of"],
        by=desk.by,
    )


def _run(desk: Desk, request_id: str, *, reveal: bool = False) -> Outcome:
    answer = run_search(desk.office, request_id=request_id, by=desk.by)
    if isinstance(answer, Refusal):
        return refused(answer, request=request_id)
    data: dict[str, Any] = {
        "request": request_id,
        "case": answer.request.case_id,
        "mode": answer.request.mode,
        "intent_index": answer.intent_index,
        "outcome_index": answer.outcome_index,
    }
    if isinstance(answer, Failed):
        data["failed"] = {"code": answer.failure.code, "says": answer.failure.says}
        return Outcome(
            data,
            Exit.UNAVAILABLE,
            "The service gave no usable answer. The intent and this outcome are sealed.",
            then=("To try again, make a new request.",),
        )
    listed = answer.answer.comparison is None
    data |= {
        "decision": "permitted",
        "clauses": list(answer.permit.clauses),
        "pack_digest": answer.permit.pack_digest,
        "obligations": [obligation_json(o) for o in answer.permit.obligations],
        "searched": answer.answer.searched,
        "list": answer.candidate_list.id,
    }
    hidden: tuple[str, ...] = ("decision", "clauses", "pack_digest")
    if answer.answer.comparison is not None:
        one = answer.answer.comparison
        data |= {
            "score": one.score,
            "score_kind": answer.answer.score_kind,
            "threshold": one.threshold,
            "comparison_decision": one.decision,
        }
    else:
        data["candidates"] = len(answer.answer.candidates)
    tables: dict[str, tuple[str, ...]] = {"obligations": ("name", "owner", "within_hours", "says")}
    then: tuple[str, ...] = ()
    if listed and answer.answer.candidates:
        data["caveat"] = CAVEAT
        then = (f"Next: counterseal review open {answer.candidate_list.id} --out FOLDER",)
    if reveal and listed:
        ranked = reveal_for_evaluation(desk.office, list_id=answer.candidate_list.id, by=desk.by)
        if isinstance(ranked, Refusal):
            return refused(ranked, **data)
        data["for_evaluation"] = FOR_EVALUATION
        data["ranked"] = [
            {
                "rank": c.rank,
                "reference": c.reference_id,
                "person": c.person_ref,
                "score": round(c.score, 6),
                "score_kind": c.score_kind,
                "candidate": c.candidate_id,
            }
            for c in ranked
        ]
        tables["ranked"] = ("rank", "reference", "person", "score", "score_kind", "candidate")
    if not data["obligations"]:
        hidden, tables = (*hidden, "obligations"), {k: v for k, v in tables.items() if k != "obligations"}
    return Outcome(data, headline="The service answered.", hidden=hidden, tables=tables, then=then)


@dataclass(frozen=True, slots=True)
class _MadeUp:
    probe_id: str
    second_id: str
    said: dict[str, Any]


def _made_up(desk: Desk, photo: Path, second: Path | None, said: dict[str, Any]) -> _MadeUp | Outcome:
    """Case, step, evidence and probes for a trial. Everything but the photographs is made up."""
    pictures = [read_file(p, "the photograph") for p in (photo, second) if p]
    now = desk.office.clock()
    number = f"evaluation-{desk.office.token(4).hex()}"
    case = open_case(
        desk.office,
        number=number,
        case_type=CASE_TYPES[0],
        statutory_authority="18 U.S.C. 1343",
        program_code=PROGRAM_CODE,
        by=desk.by,
    )
    if isinstance(case, Refusal):
        return refused(case)
    record_step(
        desk.office,
        case_id=case.id,
        kind="records-check",
        outcome="nothing-found",
        taken_at=now - timedelta(days=1),
        notes="made up for a trial",
        by=desk.by,
    )
    probes: list[str] = []
    for picture in pictures:
        row = _probe(desk, case, picture)
        if isinstance(row, Outcome):
            return row
        probes.append(row.id)
    trial = (
        f"Trial {number}: somebody tries this gateway out and wants to know whether the person on the "
        "photograph brought along is found again among the references enrolled before"
    )
    filled = {
        "purpose": said["purpose"] or "suspect-lead",
        "narrative": said["narrative"] or trial,
        "relevant": True,
        "necessary": True,
        "why_again": said["why_again"] or f"trial {number}, made to see the same thing once more",
    }
    return _MadeUp(probes[0], probes[1] if second else "", {**said, **filled})


def _probe(desk: Desk, case: Case, picture: bytes) -> Probe | Outcome:
    now = desk.office.clock()
    item = add_evidence(
        desk.office,
        case_id=case.id,
        kind="photograph",
        source_class="store-camera-still",
        lawful_basis="consent-of-owner",
        obtained_at=now - timedelta(days=2),
        by=desk.by,
    )
    if isinstance(item, Refusal):
        return refused(item)
    row = collect_probe(
        desk.office,
        evidence_id=item.id,
        photograph=picture,
        collection=Collection(
            subject_role="suspect",
            depicts="person-sought",
            bases_of_collection=["observed-conduct"],
            captured_at=now - timedelta(days=3),
            from_live_feed=False,
        ),
        by=desk.by,
    )
    if isinstance(row, FailureToAcquire):
        return not_acquired(row, case=case.id)
    return refused(row) if isinstance(row, Refusal) else row


def _check_pairs(mode: str, *, claim: str, second: bool) -> None:
    """Before anything is made up: a mode brings what it needs."""
    if (mode == Mode.TWO_PHOTOGRAPHS) != second:
        raise BadInputError(
            "`--mode two-photographs` needs a second photograph (`--second FILE` or `--second-probe PROBE`), "
            "and no other mode takes one"
        )
    if (mode == Mode.VERIFICATION) != bool(claim):
        raise BadInputError(
            "`--mode verification` needs `--claim REFERENCE` (`counterseal gallery list`), and no other mode takes one"
        )
