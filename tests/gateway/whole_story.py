"""One story that leaves at least one row in every table, told through the verbs only."""

from datetime import timedelta

from counterseal import bootstrap
from counterseal.casework.models import SearchRequest
from counterseal.cli.demo.agency import add_service
from counterseal.gateway.add_evidence import relate, resolve_contradiction
from counterseal.gateway.admit_person import grant_role, revoke_role
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.assess_use import close_risk
from counterseal.gateway.authorise_use import authorise_use
from counterseal.gateway.certify import qualify_examiner
from counterseal.gateway.change_pack import confirm_pack_change, propose_pack_change
from counterseal.gateway.collect_probe import Edit
from counterseal.gateway.conclude_test import conclude_test
from counterseal.gateway.declare_trial import Trial, close_trial, declare_trial
from counterseal.gateway.destroy import destroy
from counterseal.gateway.disclose import Authority, disclose
from counterseal.gateway.draw_sample import draw_sample, open_period
from counterseal.gateway.findings import answer_referral
from counterseal.gateway.holds import lift_hold, place_hold
from counterseal.gateway.open_case import close_case
from counterseal.gateway.plan_test import Planned, plan_test
from counterseal.gateway.propose_use import propose_use, review_again, suspend_use
from counterseal.gateway.reconcile_service import reconcile_service
from counterseal.gateway.register_service import accept_terms, close_service_review
from counterseal.gateway.request_clearance import Cleared
from counterseal.gateway.request_search import Exigency
from counterseal.gateway.review_search_use import review_search_use
from counterseal.gateway.search import Answered, Failed
from counterseal.gateway.sessions import Begun, begin_session, disown_session
from counterseal.gateway.state_fact import state_fact
from counterseal.oversight.models import Referral, Service, ServiceReview, ServiceStatus, UseRisk
from measured import plan_for, result_for
from office import SimulatedOffice, made, person

FACTS = "the abducted child was seen in a grey van and the driver threatened to hurt him"
WHY = "both supervisors of the unit were on a flight and their deputies did not answer"


def tell(office: SimulatedOffice) -> None:
    """Everything once: search, reviews, lead, contradiction, clearance, exigency, failure, disclosure, destruction."""
    who = office.who
    lead = office.lead(office.searched(limit=3))
    edge = relate(
        office.office,
        source=office.item(lead.case, "description").id,
        relation="contradicts",
        target=lead.id,
        by=who("ines"),
    )
    made(
        resolve_contradiction(
            office.office,
            relation_id=edge.id,
            reasons="the scar was stitched in May and the offence was in March",
            by=who("sol"),
        )
    )
    office.support(lead)
    assert isinstance(office.confirm(office.clearance(lead)), Cleared)
    relate(
        office.office,
        source=office.item(lead.case, "location-record").id,
        relation="contradicts",
        target=lead.id,
        by=who("ines"),
    )

    service_tested(office)
    exigent_use_of_an_unreviewed_service(office)

    made(
        disclose(
            office.office,
            case_id=lead.case_id,
            about=lead.id,
            recipient="prosecutor-1",
            authority=Authority(
                "statute", "18 U.S.C. 1343", office.clock.now - timedelta(1), office.clock.now + timedelta(9)
            ),
            contents=["lead"],
            by=who("dis"),
        )
    )
    made(
        qualify_examiner(
            office.office,
            person_id=who("exa"),
            authority="Office of Biometric Identity Management",
            expires=office.clock.now + timedelta(days=90),
            by=who("tess"),
        )
    )
    made(grant_role(office.office, person_id=who("ivan"), role="auditor", by=who("admin")))
    made(revoke_role(office.office, person_id=who("ivan"), role="auditor", by=who("admin")))
    old = office.case()
    spoilt = office.probe(
        old,
        photograph=person(5).photograph(3),
        edits=(Edit("contrast", {"by": 2}, person(5).photograph(3)),),
    )
    made(close_case(office.office, case_id=old.id, by=who("ines")))
    made(destroy(office.office, about=spoilt.id, authority="retention-7", by=who("arc")))
    beside_the_register(office)
    supervision(office)
    sessions(office)
    for lifted in (True, False):
        hold = made(
            place_hold(
                office.office,
                about=lead.candidate_id,
                kind="litigation",
                reason="a claim was filed",
                by=who("arc"),
            )
        )
        if lifted:
            made(lift_hold(office.office, hold_id=hold.id, by=who("aud")))
    packs(office)


def packs(office: SimulatedOffice) -> None:
    """A fact stated, an authorisation recorded, a pack proposed by one office and confirmed by another."""
    who = office.who
    searched = SearchRequest.objects.filter(status="answered", requester_id=who("ines")).earliest(
        "requested_at"
    )
    made(
        authorise_use(
            office.office,
            request_id=searched.id,
            granted=True,
            authority="District Court",
            reference="26-mj-114",
            by=who("sol"),
        )
    )
    made(
        state_fact(
            office.office, fact="maryland.offence", about=searched.case_id, value="none", by=who("sol")
        )
    )
    proposed = made(propose_pack_change(office.office, kind="activate", pack="detroit-2024", by=who("pat")))
    made(confirm_pack_change(office.office, change_id=proposed.id, confirms=True, by=who("cora")))


def supervision(office: SimulatedOffice) -> None:
    """A drawn period, a search reviewed with two findings that were referred, one of them answered."""
    who = office.who
    period = made(
        open_period(office.office, until=office.clock.now + timedelta(milliseconds=50), by=who("sol"))
    )
    office.clock.forward(seconds=0.1)
    made(draw_sample(office.office, period_id=period.id, by=who("sol")))
    worksheet = office.office.policies.supervision(office.clock.now).worksheet
    no = dict.fromkeys(("means", "report"), "the file says otherwise")
    made(
        review_search_use(
            office.office,
            request_id=SearchRequest.objects.filter(intent_index__isnull=False).earliest("submitted_at").id,
            answers={line: "no" if line in no else "yes" for line in worksheet},
            reasons=no,
            conclusion="referred",
            by=who("sol"),
        )
    )
    referral = Referral.objects.order_by("id").first()
    assert referral is not None
    made(
        answer_referral(
            office.office, referral_id=referral.id, outcome="acted-on", words="retrained", by=who("aud")
        )
    )


def sessions(office: SimulatedOffice) -> None:
    """One session ended, one disowned, one that stands."""
    for terminal in ("desk-1", "desk-2"):
        begun = begin_session(
            office.office, person_id=office.who("ivan"), factor="password", terminal=terminal
        )
        assert isinstance(begun, Begun), begun
    made(disown_session(office.office, session_id=begun.session.id, words="not I", by=office.who("ivan")))
    made(begin_session(office.office, person_id=office.who("ines"), factor="password", terminal="desk-3"))


def beside_the_register(office: SimulatedOffice) -> None:
    """A mitigated risk, a use that changed and waits again, a trial that was stopped, an operator's log."""
    who = office.who
    risk = UseRisk.objects.earliest("entry_index")
    made(close_risk(office.office, risk_id=risk.id, evidence="report 4", by=who("pat")))
    use = made(propose_use(office.office, name="Old", purpose="other", law_enforcement=True, by=who("sol")))
    made(suspend_use(office.office, use_id=use.id, by=who("cora")))
    made(
        review_again(
            office.office, use_id=use.id, what="suspension", words="the list was emptied", by=who("sol")
        )
    )
    made(suspend_use(office.office, use_id=use.id, by=who("cora")))
    trial = made(
        declare_trial(
            office.office,
            trial=Trial(
                "Faces Online",
                "Somebody",
                "Fraud unit",
                "free-trial",
                "told",
                office.clock.now - timedelta(days=9),
                "an account was opened with an office address",
            ),
            by=who("ines"),
        )
    )
    made(close_trial(office.office, trial_id=trial.id, outcome="stopped", by=who("rue")))
    made(
        reconcile_service(
            office.office,
            service_id=office.agency.service_id,
            log=b"request,time,user\n",
            since=office.clock.now - timedelta(days=9),
            until=office.clock.now,
            by=who("rue"),
        )
    )


def service_tested(office: SimulatedOffice) -> None:
    """Planned, and concluded under its plan."""
    service = Service.objects.get(pk=office.agency.service_id)
    plan, rue = plan_for(service), office.who("rue")
    planned = plan_test(office.office, service_id=service.id, plan=plan, by=rue)
    assert isinstance(planned, Planned), planned
    made(
        conclude_test(
            office.office,
            plan_id=planned.row.id,
            result=result_for(plan),
            began_at=office.clock(),
            by=rue,
        )
    )


def exigent_use_of_an_unreviewed_service(
    office: SimulatedOffice, *, closes: bool = True
) -> Answered | Failed:
    """A service that nobody reviewed fails in an emergency; approval and review come after the fact."""
    service = add_service(
        office.office,
        office.agency.people,
        name="Outside",
        connector="outside",
        status=ServiceStatus.UNREVIEWED,
    )
    bootstrap.connect_service(
        office.office,
        name="outside",
        service_id=service.id,
        backend="simulator",
        config={"behaviour": "fails"},
    )
    accept_terms(office.office, service_id=service.id, by=office.who("ines"))
    case = office.case(with_step=False)
    request = made(
        office.request(
            case,
            office.probe(case, photograph=person(6).photograph(4)),
            service_id=service.id,
            exigency=Exigency("physical-harm", FACTS, WHY),
            purpose=office.another_reason(),
        )
    )
    outcome = office.search(request)
    assert isinstance(outcome, Failed), outcome
    if not closes:
        return outcome
    made(
        approve_search(
            office.office,
            request_id=request.id,
            kind="exigent",
            granted=True,
            words="the facts bore it out",
            by=office.who("sol"),
        )
    )
    review = ServiceReview.objects.get(because_of_request=request.id)
    made(
        close_service_review(office.office, review_id=review.id, outcome="disapproved", by=office.who("rue"))
    )
    return outcome
