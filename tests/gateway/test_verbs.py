# ruff: noqa: E501 - one act a line reads better than six
"""Every verb, in one table: what it seals when it is done, what when it is refused, and nothing when it fails."""

import importlib
import inspect
import io
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from PIL import Image
from whole_story import exigent_use_of_an_unreviewed_service

import counterseal.gateway
from counterseal import bootstrap
from counterseal.casework.models import SearchRequest
from counterseal.cli.demo.agency import assess, supplied_test
from counterseal.gateway.add_evidence import relate, resolve_contradiction
from counterseal.gateway.admit_person import admit_person, grant_role, revoke_role
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.authorise_use import authorise_use
from counterseal.gateway.certify import attest, certify, qualify_examiner
from counterseal.gateway.change_pack import confirm_pack_change, propose_pack_change
from counterseal.gateway.conclude_test import conclude_test
from counterseal.gateway.destroy import destroy
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.draw_sample import draw_sample, open_period
from counterseal.gateway.enrol_references import (
    enrol_references,
    erase_references,
    list_references,
    withhold_reference,
)
from counterseal.gateway.findings import answer_referral, refer_finding
from counterseal.gateway.hand_out_openings import hand_out_openings
from counterseal.gateway.mark_lead import close_lead, mark_lead, note_in_report
from counterseal.gateway.note_no_result import note_no_result
from counterseal.gateway.open_case import assign, close_case, open_case, record_step
from counterseal.gateway.opt_out import issue_list
from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.gateway.program_file import note_list, record_in_file
from counterseal.gateway.propose_use import concur, propose_use, suspend_use
from counterseal.gateway.raise_signals import run_signals
from counterseal.gateway.record_comparison import record_comparison
from counterseal.gateway.record_evidence import record_evidence
from counterseal.gateway.redress import answer_redress, ask_redress
from counterseal.gateway.register_service import (
    ServiceDescription,
    accept_terms,
    close_service_review,
    decide_on_service,
    record_program_code,
    register_service,
)
from counterseal.gateway.release_figures import release_figures
from counterseal.gateway.request_clearance import NotCleared
from counterseal.gateway.request_search import Purpose
from counterseal.gateway.reveal_for_evaluation import reveal_for_evaluation
from counterseal.gateway.review import dispose_of_candidate, lock_review, open_review, reveal
from counterseal.gateway.review_search_use import review_search_use
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.sessions import Begun, begin_session, disown_session, end_session
from counterseal.gateway.state_fact import state_fact
from counterseal.ledger.checkpoint import Signer
from counterseal.oversight.figures.rule import Rule
from counterseal.oversight.models import Finding, LogEntry, LogNode, Service, ServiceReview, Use
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, CountersealError, StaleError
from counterseal.terms.rows import SealedRow
from measured import plan_for, result_for
from office import SimulatedOffice, made, person

# What a verb does, bound to everything it needs: the set-up is done, only the act is left.
Act = Callable[[], object]
Scene = Callable[[SimulatedOffice], Act]


@dataclass(frozen=True)
class Verb:
    """done: the set-up of a happy path and the kinds it seals. refused: the same of a refusal, where one exists."""

    done: Scene
    kinds: tuple[str, ...]
    refused: Scene | None = None
    refusal: str = ""


def _description(name: str) -> ServiceDescription:
    return ServiceDescription(
        name=name,
        operator="Somebody",
        algorithm="a",
        version="1",
        gallery="g",
        connector="c",
        modes=["identification"],
        case_types=["fraud"],
        terms_version="1",
        terms="none",
    )


def _second_use(o: SimulatedOffice) -> Use:
    return made(
        propose_use(o.office, name="Another", purpose="other", law_enforcement=True, by=o.who("ines"))
    )


def _asked(o: SimulatedOffice, **asked: object):
    case = o.case()
    return made(o.request(case, o.probe(case), **asked))


def _contradiction(o: SimulatedOffice) -> str:
    case = o.case()
    one, other = o.item(case), o.item(case, "description")
    edge = relate(o.office, source=one.id, relation="contradicts", target=other.id, by=o.who("ines"))
    return edge.id


def _authority(o: SimulatedOffice) -> Authority:
    now = o.clock.now
    return Authority("statute", "18 U.S.C. 1343", now - timedelta(days=1), now + timedelta(days=1))


def _open_review(o: SimulatedOffice, *, by: str = "ines"):
    answered = o.searched(limit=2)
    return made(open_review(o.office, list_id=answered.candidate_list.id, by=o.who(by)))


def _disposed(o: SimulatedOffice):
    sheet = _open_review(o)
    for candidate, _ in sheet.items:
        made(
            dispose_of_candidate(
                o.office,
                review_id=sheet.review_id,
                candidate_id=candidate,
                judgement="excluded",
                by=o.who("ines"),
            )
        )
    return sheet


def _pictures(o: SimulatedOffice) -> Path:
    folder = o.office.home / "more"
    folder.mkdir()
    (folder / "synthetic-09.jpg").write_bytes(person(8).photograph(0))
    (folder / "no-face.png").write_bytes(_blank())
    return folder


def _blank() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), (9, 99, 9)).save(picture, "PNG")
    return picture.getvalue()


def _course(o: SimulatedOffice, *, whose: str, by: str) -> Act:
    now = o.clock.now
    return lambda: certify(
        o.office,
        person_id=o.who(whose),
        course="frs-investigator",
        course_version="2026.1",
        completed_at=now - timedelta(days=2),
        expires=now + timedelta(days=2),
        by=o.who(by),
    )


def _test(o: SimulatedOffice, *, by: str) -> Act:
    service = Service.objects.get(pk=o.agency.service_id)
    failed = replace(supplied_test(service, at=o.clock.now), passed=False)
    return lambda: record_evidence(o.office, service_id=service.id, evidence=failed, by=o.who(by))


def _plan(o: SimulatedOffice, *, by: str) -> Act:
    service = Service.objects.get(pk=o.agency.service_id)
    return lambda: plan_test(o.office, service_id=service.id, plan=plan_for(service), by=o.who(by))


def _conclude(o: SimulatedOffice, *, by: str) -> Act:
    plan = plan_for(Service.objects.get(pk=o.agency.service_id))
    planned = plan_test(o.office, service_id=o.agency.service_id, plan=plan, by=o.who("rue"))
    assert isinstance(planned, Planned)
    return lambda: conclude_test(
        o.office, plan_id=planned.row.id, result=result_for(plan), began_at=o.clock(), by=o.who(by)
    )


def _open(o: SimulatedOffice, *, by: str, **more: object) -> Act:
    return lambda: open_case(
        o.office,
        number="2031-1",
        case_type="fraud",
        statutory_authority="18 U.S.C. 1343",
        program_code="FRS-2026",
        by=o.who(by),
        **more,  # type: ignore[arg-type]
    )


def _code(o: SimulatedOffice, *, by: str) -> Act:
    now = o.clock.now
    return lambda: record_program_code(
        o.office, code="FRS-2027", valid_from=now, valid_until=now + timedelta(days=9), by=o.who(by)
    )


def _approve(o: SimulatedOffice, *, by: str) -> Act:
    request = _asked(o)
    return lambda: approve_search(
        o.office, request_id=request.id, kind="witness", granted=True, words="seen", by=o.who(by)
    )


def _probe(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    item = o.footage(case)
    return lambda: o.probe(case, item=item, by=by)


def _close_review(o: SimulatedOffice, *, by: str) -> Act:
    exigent_use_of_an_unreviewed_service(o, closes=False)
    review = ServiceReview.objects.get(status="open")
    return lambda: close_service_review(o.office, review_id=review.id, outcome="disapproved", by=o.who(by))


def _status(o: SimulatedOffice, status: str, *, by: str) -> Act:
    return lambda: decide_on_service(
        o.office, service_id=o.agency.service_id, status=status, by=o.who(by), approval_expires=None
    )


def _concur(o: SimulatedOffice, *, whose: str) -> Act:
    use = made(propose_use(o.office, name="Another", purpose="other", law_enforcement=True, by=o.who(whose)))
    assess(o.office, use.id, o.agency.people)
    return lambda: concur(o.office, use_id=use.id, as_office="privacy", concurs=True, by=o.who("pat"))


def _proposer_speaks_too(o: SimulatedOffice) -> Act:
    made(grant_role(o.office, person_id=o.who("pat"), role="supervisor", by=o.who("admin")))
    return _concur(o, whose="pat")


def _mark(o: SimulatedOffice, *, compared: bool) -> Act:
    candidate = o.kept(o.searched(limit=2))
    if compared:
        o.compare(candidate)
    return lambda: mark_lead(o.office, candidate_id=candidate.id, by=o.who("ines"))


def _ask(o: SimulatedOffice, *, supported: bool) -> Act:
    lead = o.lead()
    if supported:
        o.support(lead)
    return lambda: o.clearance(lead)


def _confirm(o: SimulatedOffice, *, by: str) -> Act:
    lead = o.lead()
    o.support(lead)
    asked = o.clearance(lead)
    return lambda: o.confirm(asked, by=by)


def _lead(o: SimulatedOffice, verb: Callable[..., object], *, by: str, **more: object) -> Act:
    lead = o.lead()
    return lambda: verb(o.office, lead_id=lead.id, by=o.who(by), **more)


def _unused(o: SimulatedOffice, *, by: str) -> Act:
    """A search whose candidates were all excluded."""
    sheet = _disposed(o)
    made(lock_review(o.office, review_id=sheet.review_id, by=o.who("ines")))
    request = SearchRequest.objects.get().id
    return lambda: note_no_result(o.office, request_id=request, by=o.who(by))


def _disclose(o: SimulatedOffice, *, by: str, contents: list[str]) -> Act:
    case, authority = o.case(), _authority(o)
    return lambda: disclose(
        o.office,
        case_id=case.id,
        about=case.id,
        recipient="prosecutor-1",
        authority=authority,
        contents=contents,
        by=o.who(by),
    )


def _destroy(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    probe = o.probe(case)
    return lambda: destroy(o.office, about=probe.id, authority="retention-7", by=o.who(by))


def _withhold(o: SimulatedOffice, *, by: str) -> Act:
    reference = str(list_references(o.office, connector="embedded")[0]["reference"])
    return lambda: withhold_reference(
        o.office, connector="embedded", reference_id=reference, searchable=False, by=o.who(by)
    )


def _erase(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: erase_references(
        o.office, connector="embedded", person_ref=person(2).person_id, by=o.who(by)
    )


def _enrol(o: SimulatedOffice, *, by: str) -> Act:
    folder = _pictures(o)
    return lambda: enrol_references(o.office, connector="embedded", pictures=folder, by=o.who(by))


def _for_evaluation(o: SimulatedOffice, *, evaluation: bool) -> Act:
    answered = o.searched(limit=2)
    office = replace(o.office, evaluation=evaluation)
    return lambda: reveal_for_evaluation(office, list_id=answered.candidate_list.id, by=o.who("ines"))


def _reveal(o: SimulatedOffice, *, by: str = "aud") -> Act:
    answered = o.searched(limit=2)
    o.kept(answered)
    return lambda: reveal(o.office, list_id=answered.candidate_list.id, by=o.who(by))


def _second_review(o: SimulatedOffice, *, by: str) -> Act:
    answered = o.searched(limit=2)
    o.review(answered.candidate_list.id, by="ines", keep={o.candidate(answered).id})
    return lambda: open_review(o.office, list_id=answered.candidate_list.id, by=o.who(by))


def _dispose(o: SimulatedOffice, *, judgement: str) -> Act:
    sheet = _open_review(o)
    return lambda: dispose_of_candidate(
        o.office,
        review_id=sheet.review_id,
        candidate_id=sheet.items[0][0],
        judgement=judgement,
        by=o.who("ines"),
    )


def _lock(o: SimulatedOffice, *, demoted: bool) -> Act:
    sheet = _disposed(o)
    if demoted:
        made(revoke_role(o.office, person_id=o.who("ines"), role="investigator", by=o.who("admin")))
        made(grant_role(o.office, person_id=o.who("ines"), role="auditor", by=o.who("admin")))
    return lambda: lock_review(o.office, review_id=sheet.review_id, by=o.who("ines"))


def _resolve(o: SimulatedOffice, *, by: str) -> Act:
    edge = _contradiction(o)
    reasons = "the register was wrong and was mended since"
    return lambda: resolve_contradiction(o.office, relation_id=edge, reasons=reasons, by=o.who(by))


def _relate(o: SimulatedOffice, *, by: str = "ines") -> Act:
    case = o.case()
    one, other = o.item(case), o.item(case)
    return lambda: relate(o.office, source=one.id, relation="derived-from", target=other.id, by=o.who(by))


def _compare(o: SimulatedOffice, *, by: str = "ines") -> Act:
    candidate = o.candidate(o.searched(limit=2))
    case = candidate.candidate_list.request.case
    step = case.steps.get()
    return lambda: record_comparison(
        o.office,
        candidate_id=candidate.id,
        result="inconclusive",
        notes="nothing was seen either way",
        step_id=step.id,
        by=o.who(by),
    )


def _item(o: SimulatedOffice, *, by: str = "ines") -> Act:
    case = o.case()
    return lambda: o.item(case, content=b"a statement", by=by)


def _step(o: SimulatedOffice, *, by: str = "ines") -> Act:
    case = o.case(with_step=False)
    return lambda: record_step(
        o.office,
        case_id=case.id,
        kind="canvass",
        outcome="nothing-found",
        taken_at=o.clock.now - timedelta(hours=1),
        notes="",
        by=o.who(by),
    )


def _search(o: SimulatedOffice, **asked: object) -> Act:
    request = _asked(o, **asked)
    return lambda: o.search(request)


def _assign(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    return lambda: assign(o.office, case_id=case.id, person_id=o.who("ivan"), by=o.who(by))


def _close(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    return lambda: close_case(o.office, case_id=case.id, by=o.who(by))


def _qualify(o: SimulatedOffice, *, by: str) -> Act:
    until = o.clock.now + timedelta(days=9)
    return lambda: qualify_examiner(
        o.office, person_id=o.who("exa"), authority="the face unit", expires=until, by=o.who(by)
    )


def _attest(o: SimulatedOffice) -> Act:
    return lambda: attest(o.office, kind="safeguards", by=o.who("untrained"))


def _terms(o: SimulatedOffice) -> Act:
    return lambda: accept_terms(o.office, service_id=o.agency.service_id, by=o.who("sol"))


def _release(o: SimulatedOffice, *, by: str) -> Act:
    folder = o.office.home.parent / "figures"
    return lambda: release_figures(o.office, folder=folder, by=o.who(by), rule=Rule(delay_days=0))


def _hand_out(o: SimulatedOffice, *, by: str) -> Act:
    path = o.office.home.parent / "openings.json"
    return lambda: hand_out_openings(
        o.office, path=path, recipient="inspector-general", authority="5 U.S.C. 406", by=o.who(by)
    )


def _rotate(o: SimulatedOffice, *, by: str) -> Act:
    new = Signer.from_seed(o.office.origin, b"\5" * 32)

    def rotated() -> int | Refusal:
        outcome = rotate_log_key(o.office, new=new, by=o.who(by))
        if isinstance(outcome, int):
            o.office = bootstrap.install_log_key(o.office, new, b"\5" * 32)
        return outcome

    return rotated


def _suspend(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: suspend_use(o.office, use_id=o.agency.use_id, by=o.who(by))


def _request(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    probe = o.probe(case)
    return lambda: o.request(case, probe, by=by)


def _admit(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: admit_person(o.office, name="Newt New", unit="Fraud unit", by=o.who(by))


def _grant(o: SimulatedOffice, *, to: str, by: str) -> Act:
    return lambda: grant_role(o.office, person_id=o.who(to), role="auditor", by=o.who(by))


def _revoke(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: revoke_role(o.office, person_id=o.who("ivan"), role="investigator", by=o.who(by))


def _register(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: register_service(o.office, description=_description("New"), by=o.who(by))


def _propose(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: propose_use(o.office, name="New", purpose="new", law_enforcement=True, by=o.who(by))


def _begin(o: SimulatedOffice, *, who: str) -> Act:
    return lambda: begin_session(o.office, person_id=o.who(who), factor="password", terminal="desk-1")


def _in_session(
    o: SimulatedOffice, verb: Callable[..., object], *, by: str, whose: str = "ines", **more: object
) -> Act:
    begun = _begin(o, who=whose)()
    assert isinstance(begun, Begun)
    return lambda: verb(o.office, session_id=begun.session.id, by=o.who(by), **more)


def _period(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: open_period(o.office, until=o.clock.now + timedelta(days=30), by=o.who(by))


def _draw(o: SimulatedOffice, *, by: str) -> Act:
    period = made(_period(o, by="sol")())
    o.searched()
    o.clock.forward(days=31)
    return lambda: draw_sample(o.office, period_id=period.id, by=o.who(by))


def _supervise(o: SimulatedOffice, *, by: str, conclusion: str = "finding") -> Act:
    request = o.searched().request.id
    lines = o.office.policies.supervision(o.clock.now).worksheet
    return lambda: review_search_use(
        o.office,
        request_id=request,
        answers={line: "no" if line == "means" else "yes" for line in lines},
        reasons={"means": "no such check was made"},
        conclusion=conclusion,
        by=o.who(by),
    )


def _refer(o: SimulatedOffice, *, by: str) -> Act:
    made(_supervise(o, by="sol")())
    finding = Finding.objects.get(kind="review-means")
    return lambda: refer_finding(o.office, finding_id=finding.id, reason="grave", by=o.who(by))


def _answer(o: SimulatedOffice, *, by: str) -> Act:
    referral = made(_refer(o, by="sol")())
    return lambda: answer_referral(
        o.office, referral_id=referral.id, outcome="dismissed", words="it was made", by=o.who(by)
    )


def _signals(o: SimulatedOffice, *, by: str) -> Act:
    o.searched(limit=2)
    until = o.clock.now + timedelta(minutes=1)
    return lambda: run_signals(o.office, since=until - timedelta(days=2), until=until, by=o.who(by))


def _propose_pack(o: SimulatedOffice, *, by: str) -> Act:
    return lambda: propose_pack_change(o.office, kind="activate", pack="detroit-2024", by=o.who(by))


def _confirm_pack(o: SimulatedOffice, *, by: str) -> Act:
    proposed = made(_propose_pack(o, by="pat")())
    return lambda: confirm_pack_change(o.office, change_id=proposed.id, confirms=True, by=o.who(by))


def _state_fact(o: SimulatedOffice, *, by: str) -> Act:
    case = o.case()
    return lambda: state_fact(
        o.office, fact="maryland.offence", about=case.id, value="hate-crime", by=o.who(by)
    )


def _authorise(o: SimulatedOffice, *, by: str) -> Act:
    request = _asked(o)
    return lambda: authorise_use(
        o.office, request_id=request.id, granted=True, authority="Court", reference="26-1", by=o.who(by)
    )


def _redress(o: SimulatedOffice, *, by: str) -> Act:
    asked = ask_redress(o.office, about="linked", words="on Monday, at the pier")
    return lambda: answer_redress(
        o.office, redress_id=asked.id, outcome="nothing-found", words="We looked.", by=o.who(by)
    )


def _outside(o: SimulatedOffice) -> str:
    return made(propose_use(o.office, name="Ferry", purpose="x", law_enforcement=False, by=o.who("sol"))).id


def _record(o: SimulatedOffice, *, by: str) -> Act:
    use_id, day = _outside(o), o.clock.now
    return lambda: record_in_file(
        o.office, use_id=use_id, line="complaints", document=b"none", made_on=day, by=o.who(by)
    )


def _note(o: SimulatedOffice, *, by: str) -> Act:
    use_id, issued = _outside(o), made(issue_list(o.office, by=o.who("pat")))
    return lambda: note_list(o.office, use_id=use_id, data=issued.data, by=o.who(by))


VERBS: dict[str, Verb] = {
    "answer_redress": Verb(
        lambda o: _redress(o, by="pat"),
        ("redress.answered",),
        lambda o: _redress(o, by="sol"),
        "redressrequest.refused",
    ),
    "record_in_file": Verb(
        lambda o: _record(o, by="sol"),
        ("program.file-recorded",),
        lambda o: _record(o, by="aud"),
        "programfilerecord.refused",
    ),
    "note_list": Verb(
        lambda o: _note(o, by="gail"),
        ("program.list-held",),
        lambda o: _note(o, by="aud"),
        "programlistheld.refused",
    ),
    "propose_pack_change": Verb(
        lambda o: _propose_pack(o, by="rue"),
        ("policy.change-proposed",),
        lambda o: _propose_pack(o, by="sol"),
        "packchange.refused",
    ),
    "confirm_pack_change": Verb(
        lambda o: _confirm_pack(o, by="cora"),
        ("policy.changed",),
        lambda o: _confirm_pack(o, by="pat"),
        "packchange.refused",
    ),
    "state_fact": Verb(
        lambda o: _state_fact(o, by="sol"),
        ("policy.fact-stated",),
        lambda o: _state_fact(o, by="ines"),
        "packfact.refused",
    ),
    "authorise_use": Verb(
        lambda o: _authorise(o, by="sol"),
        ("search.authorised",),
        lambda o: _authorise(o, by="ines"),
        "useauthorisation.refused",
    ),
    "run_signals": Verb(
        lambda o: _signals(o, by="sol"), ("signals.run",), lambda o: _signals(o, by="ines"), "finding.refused"
    ),
    "open_period": Verb(
        lambda o: _period(o, by="sol"),
        ("sample.period-opened",),
        lambda o: _period(o, by="ines"),
        "sampleperiod.refused",
    ),
    "draw_sample": Verb(
        lambda o: _draw(o, by="aud"),
        ("audit.sampled",),
        lambda o: _draw(o, by="ines"),
        "sampleperiod.refused",
    ),
    "review_search_use": Verb(
        lambda o: _supervise(o, by="sol"),
        ("supervision.reviewed", "audit.finding"),
        lambda o: _supervise(o, by="ines"),
        "supervisorreview.refused",
    ),
    "refer_finding": Verb(
        lambda o: _refer(o, by="sol"),
        ("finding.referred",),
        lambda o: _refer(o, by="ines"),
        "finding.refused",
    ),
    "answer_referral": Verb(
        lambda o: _answer(o, by="aud"),
        ("referral.answered",),
        lambda o: _answer(o, by="sol"),
        "referral.refused",
    ),
    "begin_session": Verb(
        lambda o: _begin(o, who="ines"),
        ("session.begun",),
        lambda o: _begin(o, who="admin"),
        "session.refused",
    ),
    "end_session": Verb(
        lambda o: _in_session(o, end_session, by="sol"),
        ("session.ended",),
        lambda o: _in_session(o, end_session, by="ivan"),
        "session.refused",
    ),
    "disown_session": Verb(
        lambda o: _in_session(o, disown_session, by="ines", words="I was at lunch"),
        ("session.disowned",),
        lambda o: _in_session(o, disown_session, by="sol", words="it was not she"),
        "session.refused",
    ),
    "add_evidence": Verb(_item, ("evidence.added",), lambda o: _item(o, by="ivan"), "evidenceitem.refused"),
    "relate": Verb(
        _relate, ("evidence.related",), lambda o: _relate(o, by="ivan"), "evidencerelation.refused"
    ),
    "resolve_contradiction": Verb(
        lambda o: _resolve(o, by="sol"),
        ("contradiction.resolved",),
        lambda o: _resolve(o, by="ines"),
        "evidencerelation.refused",
    ),
    "admit_person": Verb(
        lambda o: _admit(o, by="admin"), ("person.admitted",), lambda o: _admit(o, by="sol"), "role.refused"
    ),
    "grant_role": Verb(
        lambda o: _grant(o, to="ivan", by="admin"),
        ("role.granted",),
        lambda o: _grant(o, to="admin", by="admin"),
        "role.refused",
    ),
    "revoke_role": Verb(
        lambda o: _revoke(o, by="admin"), ("role.revoked",), lambda o: _revoke(o, by="ivan"), "role.refused"
    ),
    "approve_search": Verb(
        lambda o: _approve(o, by="sol"),
        ("search.approved",),
        lambda o: _approve(o, by="ines"),
        "approval.refused",
    ),
    "attest": Verb(_attest, ("attestation.made",)),
    "certify": Verb(
        lambda o: _course(o, whose="untrained", by="tess"),
        ("certificate.recorded",),
        lambda o: _course(o, whose="tess", by="tess"),
        "certificate.refused",
    ),
    "qualify_examiner": Verb(
        lambda o: _qualify(o, by="tess"),
        ("qualification.recorded",),
        lambda o: _qualify(o, by="exa"),
        "qualification.refused",
    ),
    "collect_probe": Verb(
        lambda o: _probe(o, by="ines"), ("probe.collected",), lambda o: _probe(o, by="sol"), "probe.refused"
    ),
    "destroy": Verb(
        lambda o: _destroy(o, by="arc"),
        ("record.destroyed",),
        lambda o: _destroy(o, by="admin"),
        "record.not-destroyed",
    ),
    "disclose": Verb(
        lambda o: _disclose(o, by="dis", contents=["lead"]),
        ("information.disclosed",),
        lambda o: _disclose(o, by="dis", contents=["gallery"]),
        "disclosure.refused",
    ),
    "enrol_references": Verb(
        lambda o: _enrol(o, by="rue"),
        ("gallery.enrolment.intent", "gallery.enrolment.outcome"),
        lambda o: _enrol(o, by="ines"),
        "gallery.refused",
    ),
    "erase_references": Verb(
        lambda o: _erase(o, by="arc"),
        ("gallery.erasure.intent", "gallery.erasure.outcome"),
        lambda o: _erase(o, by="ines"),
        "gallery.refused",
    ),
    "withhold_reference": Verb(
        lambda o: _withhold(o, by="rue"),
        ("reference.withheld",),
        lambda o: _withhold(o, by="ines"),
        "gallery.refused",
    ),
    "close_lead": Verb(
        lambda o: _lead(o, close_lead, by="ines"),
        ("lead.closed",),
        lambda o: _lead(o, close_lead, by="sol"),
        "lead.refused",
    ),
    "mark_lead": Verb(
        lambda o: _mark(o, compared=True),
        ("lead.marked",),
        lambda o: _mark(o, compared=False),
        "lead.refused",
    ),
    "note_in_report": Verb(
        lambda o: _lead(o, note_in_report, by="ines", report="ROI-9"),
        ("lead.noted",),
        lambda o: _lead(o, note_in_report, by="ivan", report="ROI-9"),
        "lead.refused",
    ),
    "note_no_result": Verb(
        lambda o: _unused(o, by="ines"),
        ("search.no-result-used",),
        lambda o: _unused(o, by="ivan"),
        "duty.refused",
    ),
    "open_case": Verb(
        lambda o: _open(o, by="ines"),
        ("case.opened",),
        lambda o: _open(o, by="ines", program_established=True, program_assessed=True),
        "caseassignment.refused",
    ),
    "assign": Verb(
        lambda o: _assign(o, by="ines"),
        ("case.assigned",),
        lambda o: _assign(o, by="ivan"),
        "caseassignment.refused",
    ),
    "close_case": Verb(
        lambda o: _close(o, by="sol"), ("case.closed",), lambda o: _close(o, by="aud"), "case.refused"
    ),
    "record_step": Verb(
        _step, ("step.recorded",), lambda o: _step(o, by="ivan"), "investigativestep.refused"
    ),
    "propose_use": Verb(
        lambda o: _propose(o, by="sol"), ("use.proposed",), lambda o: _propose(o, by="aud"), "use.refused"
    ),
    "concur": Verb(
        lambda o: _concur(o, whose="ines"), ("use.reviewed",), _proposer_speaks_too, "use.refused"
    ),
    "suspend_use": Verb(
        lambda o: _suspend(o, by="cora"), ("use.suspended",), lambda o: _suspend(o, by="sol"), "use.refused"
    ),
    "record_comparison": Verb(
        _compare, ("candidate.compared",), lambda o: _compare(o, by="ivan"), "comparison.refused"
    ),
    "accept_terms": Verb(_terms, ("terms.accepted",)),
    "close_service_review": Verb(
        lambda o: _close_review(o, by="rue"),
        ("service.review-closed",),
        lambda o: _close_review(o, by="sol"),
        "servicereview.refused",
    ),
    "decide_on_service": Verb(
        lambda o: _status(o, "suspended", by="pat"),
        ("service.decided",),
        lambda o: _status(o, "disapproved", by="reg"),
        "service.refused",
    ),
    "record_program_code": Verb(
        lambda o: _code(o, by="sol"),
        ("program.recorded",),
        lambda o: _code(o, by="ines"),
        "programcode.refused",
    ),
    "plan_test": Verb(
        lambda o: _plan(o, by="rue"),
        ("test.planned",),
        lambda o: _plan(o, by="reg"),
        "servicetestplan.refused",
    ),
    "conclude_test": Verb(
        lambda o: _conclude(o, by="rue"),
        ("test.concluded",),
        lambda o: _conclude(o, by="reg"),
        "servicetestplan.refused",
    ),
    "record_evidence": Verb(
        lambda o: _test(o, by="rue"), ("service.tested",), lambda o: _test(o, by="reg"), "servicetest.refused"
    ),
    "register_service": Verb(
        lambda o: _register(o, by="ines"),
        ("service.registered",),
        lambda o: _register(o, by="aud"),
        "service.refused",
    ),
    "confirm_action": Verb(
        lambda o: _confirm(o, by="sol"),
        ("action.cleared",),
        lambda o: _confirm(o, by="ines"),
        "enforcementaction.refused",
    ),
    "request_clearance": Verb(
        lambda o: _ask(o, supported=True),
        ("action.clearance-requested",),
        lambda o: _ask(o, supported=False),
        "action.refused",
    ),
    "request_search": Verb(
        lambda o: _request(o, by="ines"),
        ("search.requested",),
        lambda o: _request(o, by="sol"),
        "searchrequest.refused",
    ),
    "reveal_for_evaluation": Verb(
        lambda o: _for_evaluation(o, evaluation=True),
        ("evaluation.revealed",),
        lambda o: _for_evaluation(o, evaluation=False),
        "evaluation.refused",
    ),
    "dispose_of_candidate": Verb(
        lambda o: _dispose(o, judgement="inconclusive"),
        ("candidate.disposed",),
        lambda o: _dispose(o, judgement="support-for-same-source"),
        "disposition.refused",
    ),
    "lock_review": Verb(
        lambda o: _lock(o, demoted=False),
        ("review.locked",),
        lambda o: _lock(o, demoted=True),
        "review.refused",
    ),
    "open_review": Verb(
        lambda o: _second_review(o, by="exa"),
        ("review.opened",),
        lambda o: _second_review(o, by="ines"),
        "review.refused",
    ),
    "hand_out_openings": Verb(
        lambda o: _hand_out(o, by="cora"),
        ("openings.handed-out",),
        lambda o: _hand_out(o, by="sol"),
        "openings.refused",
    ),
    "release_figures": Verb(
        lambda o: _release(o, by="cora"),
        ("figures.released",),
        lambda o: _release(o, by="sol"),
        "figures.refused",
    ),
    "reveal": Verb(
        _reveal, ("candidates.revealed",), lambda o: _reveal(o, by="rue"), "candidatelistrow.refused"
    ),
    "rotate_log_key": Verb(
        lambda o: _rotate(o, by="admin"),
        ("log.key-rotated",),
        lambda o: _rotate(o, by="sol"),
        "log.key-refused",
    ),
    "search": Verb(
        _search,
        ("search.intent", "search.outcome"),
        lambda o: _search(o, purpose=Purpose("suspect-lead", "case")),
        "search.refused",
    ),
}


# Verbs of rooms that have tests of their own; whoever adds a verb puts it here or into the table.
TRIED_ELSEWHERE = {
    "ask_redress",
    "analyse",
    "approve_age_estimation",
    "check_opt_out",
    "close_risk",
    "close_trial",
    "complain",
    "complete_record",
    "declare_trial",
    "destroy_openings",
    "end_client",
    "finish_alternative",
    "hand_out_token_key",
    "hold_drill",
    "import_existing_uses",
    "issue_list",
    "lift_hold",
    "place_hold",
    "reconcile_service",
    "record_agreement",
    "record_risk",
    "register_choice",
    "register_client",
    "repeat_erasure",
    "report_version",
    "restore",
    "review_acquisition",
    "review_again",
    "run_retention",
    "show_principle",
    "state_verification_terms",
    "verify_claim",
    "view_records",
    "withdraw_choice",
    "write_discovery_package",
}


def sealed_rows() -> dict[str, str]:
    """Every sealed row by table and id, with its digest."""
    return {
        f"{row.table()}:{row.pk}": row.digest()
        for model in apps.get_models()
        if issubclass(model, SealedRow)
        for row in model._default_manager.all()
    }


def test_every_verb_is_in_the_table():
    """A verb opens a change; whatever does, is tried here."""
    found = set()
    for module in pkgutil.iter_modules(counterseal.gateway.__path__):
        code = importlib.import_module(f"counterseal.gateway.{module.name}")
        for name, function in inspect.getmembers(code, inspect.isfunction):
            own = function.__module__ == code.__name__ and not name.startswith("_")
            if own and "with change(" in inspect.getsource(function):
                found.add(name)
    assert found - TRIED_ELSEWHERE == set(VERBS)
    assert len(VERBS) == 64


@pytest.mark.parametrize("name", sorted(VERBS))
def test_done_is_sealed_with_its_rows(office, name):
    """Exactly the expected entries; every row that is new or changed is under one of them."""
    act = VERBS[name].done(office)
    size, before = LogEntry.objects.count(), sealed_rows()

    outcome = act()

    assert not isinstance(outcome, Refusal | NotCleared), outcome
    assert VERBS[name].kinds == tuple(e.kind for e in office.entries()[size:])
    changed = {key for key, digest in sealed_rows().items() if before.get(key) != digest}
    named = {
        f"{table}:{key}"
        for n in range(size, LogEntry.objects.count())
        for table, key, _ in office.opened(n)["rows"]
    }
    assert changed <= named
    for n in range(size, LogEntry.objects.count()):
        opened = office.opened(n)
        assert opened["initiator"].startswith("person-")
        assert opened["target"]
    assert office.fsck().sound


@pytest.mark.parametrize("name", sorted(n for n, v in VERBS.items() if v.refused))
def test_refusal_is_sealed_and_changes_nothing_else(office, name):
    """One entry that says refused; no new row but the refused record itself, where it is one."""
    act = VERBS[name].refused(office)
    size, before = LogEntry.objects.count(), sealed_rows()

    outcome = act()

    refusal = outcome.refusal if isinstance(outcome, NotCleared) else outcome
    office.sealed_refusal(refusal, VERBS[name].refusal, *refusal.clauses)
    assert LogEntry.objects.count() == size + 1
    assert all(u.missing and u.remedy for u in refusal.unmet)
    changed = {key.partition(":")[0] for key, digest in sealed_rows().items() if before.get(key) != digest}
    assert changed <= {"casework.searchrequest", "casework.enforcementaction"}
    assert office.fsck().sound


def test_verbs_without_a_refusal_are_known():
    """Who may do these is not restricted yet beyond being somebody here; a new one is noticed."""
    assert {n for n, v in VERBS.items() if not v.refused} == {
        "accept_terms",
        "attest",
    }


class BrokenError(Exception):
    """Something breaks in the middle."""


@pytest.mark.parametrize("name", sorted(VERBS))
def test_verb_that_breaks_leaves_nothing(office, name, monkeypatch):
    """The checkpoint cannot be signed: no row, no entry, no node, no changed row; then it works."""
    act = VERBS[name].done(office)
    before = (LogEntry.objects.count(), LogNode.objects.count(), sealed_rows())

    def broken(*_: object) -> None:
        raise BrokenError

    monkeypatch.setattr("counterseal.gateway.sealing.sign_checkpoint", broken)
    with pytest.raises(BrokenError):
        act()
    monkeypatch.undo()

    assert before == (LogEntry.objects.count(), LogNode.objects.count(), sealed_rows())
    act()
    assert office.fsck().sound


@pytest.mark.parametrize("name", sorted(VERBS))
def test_nobody_is_nobody(office, name, monkeypatch):
    """An id that is not a person's does nothing and seals nothing."""
    act = VERBS[name].done(office)
    before = (LogEntry.objects.count(), sealed_rows())
    monkeypatch.setattr(type(office), "who", lambda self, short: "person-of-nobody")

    with pytest.raises((BadInputError, StaleError)):
        act()

    assert before == (LogEntry.objects.count(), sealed_rows())


class TestBadInput:
    """Said before anything is written."""

    def tried(self, office: SimulatedOffice, act: Act, match: str) -> None:
        """The act is bad input in these words, and leaves nothing."""
        before = (LogEntry.objects.count(), sealed_rows())
        with pytest.raises(CountersealError, match=match):
            act()
        assert before == (LogEntry.objects.count(), sealed_rows())

    def test_of_requests(self, office):
        """Modes with what they need, and nothing else."""
        case = office.case()
        probe = office.probe(case)
        for asked, match in (
            ({"mode": "streaming"}, "there is no mode"),
            ({"limit": 0}, "1 to 50"),
            ({"limit": 51}, "1 to 50"),
            ({"mode": "verification"}, "a claimed reference belongs"),
            ({"claimed_reference": "ref-1"}, "a claimed reference belongs"),
            ({"mode": "two-photographs"}, "a second probe belongs"),
            ({"second_probe_id": probe.id}, "a second probe belongs"),
            ({"service_id": "service-of-nobody"}, "there is no service"),
            ({"use_id": "use-of-nobody"}, "there is no use"),
            ({"probe_id": "probe-of-nobody"}, "there is no probe"),
        ):
            self.tried(office, lambda asked=asked: office.request(case, probe, **asked), match)

    def test_of_evidence_and_comparisons(self, office):
        """An item says what it is; a comparison is with one other thing of the same case."""
        case, other = office.case(), office.case()
        answered = office.searched(limit=2)
        candidate = office.candidate(answered)
        still = answered.request.probe.evidence_item_id
        mine = candidate.candidate_list.request.case

        def compared(**with_what: str) -> Act:
            return lambda: record_comparison(
                office.office,
                candidate_id=candidate.id,
                result=with_what.pop("result", "consistent"),
                notes=with_what.pop("notes", "height and gait"),
                by=office.who("ines"),
                **with_what,
            )

        item, office_item = office.item(mine).id, office.item(other)
        for act, match in (
            (lambda: office.item(case, "rumour"), "no kind of evidence"),
            (lambda: office.item(case, "line-up"), "whether this witness saw"),
            (lambda: office.item(case, obtained_at=office.clock.now + timedelta(days=1)), "in the past"),
            (
                lambda: relate(
                    office.office, source=item, relation="likes", target=candidate.id, by=office.who("ines")
                ),
                "no relation",
            ),
            (
                lambda: relate(
                    office.office, source=item, relation="shown-to", target="x", by=office.who("ines")
                ),
                "no case holds",
            ),
            (
                lambda: relate(
                    office.office,
                    source=item,
                    relation="shown-to",
                    target=office_item.id,
                    by=office.who("ines"),
                ),
                "different cases",
            ),
            (compared(), "exactly one thing"),
            (compared(evidence_id=item, step_id=item), "exactly one thing"),
            (compared(evidence_id=item, result="certain"), "there is no result"),
            (compared(evidence_id=item, notes="looks alike"), "say in words"),
            (compared(evidence_id=still), "what was searched with"),
        ):
            self.tried(office, act, match)
        self.tried(office, compared(evidence_id=office.item(other).id), "another case")

    def test_of_reviews(self, office):
        """One's own open sheet, known judgements, once each, everything before the lock."""
        sheet = _open_review(office)
        candidate = sheet.items[0][0]

        def judged(by: str = "ines", **changed: str) -> Act:
            what = {"candidate_id": candidate, "judgement": "excluded"} | changed
            return lambda: dispose_of_candidate(
                office.office, review_id=sheet.review_id, by=office.who(by), **what
            )

        def opened(by: str) -> Act:
            listed = office.review_list(sheet.review_id)
            return lambda: open_review(office.office, list_id=listed, by=office.who(by))

        self.tried(office, judged(judgement="identified"), "no judgement")
        self.tried(office, judged(by="exa"), "belongs to somebody else")
        self.tried(office, judged(candidate_id="candidate-x"), "not on this review's sheet")
        self.tried(office, opened("exa"), "not locked yet")
        made(judged()())
        self.tried(office, judged(judgement="potential-lead"), "has its disposition already")
        listed = office.review_list(sheet.review_id)
        self.tried(
            office, lambda: reveal(office.office, list_id=listed, by=office.who("ines")), "only after both"
        )
        for other, _ in sheet.items[1:]:
            made(judged(candidate_id=other)())
        made(lock_review(office.office, review_id=sheet.review_id, by=office.who("ines")))
        self.tried(office, judged(), "already `locked`")
        self.tried(office, opened("exa"), "kept no candidate")
        assert reveal(office.office, list_id=listed, by=office.who("ines")), (
            "none of these: seen after one review"
        )

    def test_of_the_offices(self, office):
        """Names, dates, roles, statuses."""
        who, now = office.who, office.clock.now
        pat = who("pat")
        use = _second_use(office)
        for act, match in (
            (lambda: admit_person(office.office, name=" ", unit="x", by=who("admin")), "a name and a unit"),
            (lambda: grant_role(office.office, person_id=pat, role="king", by=who("admin")), "no role"),
            (lambda: grant_role(office.office, person_id="x", role="auditor", by=who("admin")), "no person"),
            (lambda: grant_role(office.office, person_id=pat, role="privacy", by=who("admin")), "role_once|UNIQUE"),
            (lambda: revoke_role(office.office, person_id=pat, role="auditor", by=who("admin")), "does not hold"),
            (lambda: attest(office.office, kind="wisdom", by=pat), "no attestation"),
            (lambda: attest(office.office, kind="course", by=who("ines")), "UNIQUE|once"),
            (lambda: concur(office.office, use_id=use.id, as_office="police", concurs=True, by=pat), "the offices are"),
            (lambda: concur(office.office, use_id=use.id, as_office="civil-rights", concurs=True, by=pat), "does not speak"),
            (lambda: propose_use(office.office, name="", purpose="x", law_enforcement=True, by=who("sol")), "a name and"),
            (lambda: decide_on_service(office.office, service_id=office.agency.service_id, status="expired", by=who("rue")), "is put to"),
            (lambda: decide_on_service(office.office, service_id=office.agency.service_id, status="approved", by=who("rue"), approval_expires=now), "in the future"),
            (lambda: register_service(office.office, description=replace(_description("N"), operator=""), by=who("reg")), "states its operator"),
            (lambda: register_service(office.office, description=replace(_description("N"), modes=["crowd"]), by=who("reg")), "no mode"),
            (lambda: qualify_examiner(office.office, person_id="x", authority="y", expires=now + timedelta(1), by=who("tess")), "no person"),
            (lambda: qualify_examiner(office.office, person_id=pat, authority=" ", expires=now + timedelta(1), by=who("tess")), "which authority"),
            (lambda: qualify_examiner(office.office, person_id=pat, authority="y", expires=now, by=who("tess")), "in the future"),
            (lambda: withhold_reference(office.office, connector="embedded", reference_id="ref-x", searchable=False, by=who("rue")), "no reference"),
            (lambda: erase_references(office.office, connector="nowhere", person_ref="x", by=who("rue")), "no service of our own"),
            (lambda: destroy(office.office, about="probe-x", authority="a", by=who("arc")), "holds nothing"),
            (lambda: open_case(office.office, number="", case_type="fraud", statutory_authority="", program_code="", by=who("ines")), "a number and a type"),
        ):  # fmt: skip
            self.tried(office, act, match)

    def test_second_of_a_kind_is_stale_or_told(self, office):
        """A case number, an approval, a lead: once."""
        case = office.case(number="2026-77")
        self.tried(office, lambda: office.case(number=case.number), "open or closed already")
        act = _approve(office, by="sol")
        made(act())
        self.tried(office, act, "decided already")
        lead = office.lead(office.searched(purpose=office.another_reason()))
        again = lambda: mark_lead(office.office, candidate_id=lead.candidate_id, by=office.who("ines"))  # noqa: E731
        self.tried(office, again, "the database refused")
