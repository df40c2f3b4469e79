"""`counterseal service`: the register of services."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from counterseal import bootstrap
from counterseal.cli.command import Ordered, command
from counterseal.cli.desk import Desk
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, read_file
from counterseal.cli.views import answered, json_value, view
from counterseal.gateway import register_service as verbs
from counterseal.gateway.declare_trial import FOUND_BY, HOW, OUTCOMES, Trial, close_trial, declare_trial
from counterseal.gateway.facts import facts_of_test, service_standing
from counterseal.gateway.reconcile_service import reconcile_service
from counterseal.gateway.record_evidence import INDIRECT, Evidence, record_evidence
from counterseal.gateway.register_service import MODES
from counterseal.gateway.review_acquisition import Looked, review_acquisition
from counterseal.oversight.models import (
    ReviewOutcome,
    Service,
    ServiceReview,
    ServiceStatus,
    TrialDeclaration,
)
from counterseal.oversight.reconciliation import Line
from counterseal.terms.biometrics import Mode
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

service = Ordered("service", help="The register of services: record, decide, test, terms, reviews, trials.")
DECIDABLE = [str(s) for s in ServiceStatus if s not in (ServiceStatus.UNREVIEWED, ServiceStatus.EXPIRED)]


def _approving(work: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """The options of whatever may approve: until when, and on what."""
    for option in (
        click.option(
            "--only-case-type", "case_types", multiple=True, help="A condition: these types of case alone."
        ),
        click.option("--only-mode", "modes", multiple=True, help="A condition: these modes alone."),
        click.option("--longest-list", type=int, help="A condition: no longer list of candidates."),
        click.option("--a-day", type=int, help="A condition: no more searches in a day."),
        click.option("--condition", "words", default="", help="Other conditions, in words."),
        click.option("--expires", type=INSTANT, help="The day an approval ends."),
    ):
        work = option(work)
    return work


def _conditions(
    words: str,
    modes: tuple[str, ...],
    case_types: tuple[str, ...],
    longest_list: int | None,
    a_day: int | None,
) -> verbs.Conditions:
    return verbs.Conditions(words, modes or None, case_types or None, longest_list, a_day)


@command(service, "register", acts="reg")
@click.argument("name")
@click.option("--operator", required=True, help="Who runs it.")
@click.option("--algorithm", required=True, help="What it compares with.")
@click.option("--algorithm-version", required=True, help="Its version; tests are for one version.")
@click.option("--images", required=True, help="What its gallery is made of.")
@click.option("--connector", required=True, help="Name of its folder under `services/`.")
@click.option("--mode", "modes", multiple=True, required=True, type=click.Choice([str(m) for m in Mode]))
@click.option("--case-type", "case_types", multiple=True, required=True, help="What it may be used for.")
@click.option("--terms-version", required=True)
@click.option("--terms", required=True, help="The terms, in words.")
@click.option("--contract", default="", help="Number of the contract.")
@click.option("--floor", "floors", multiple=True, metavar="COMPONENT=VALUE", help="Quality it demands.")
@click.option("--gallery-legality", default="", help="On what lawful ground its images were gathered.")
@click.option("--probe-retention", default="", help="What its operator keeps of a probe, and how long.")
@click.option("--security", default="", help="How it is secured.")
@click.option("--breaches", default="", help="Its history of breaches, or that none is known.")
def register(
    desk: Desk,
    *,
    name: str,
    operator: str,
    algorithm: str,
    algorithm_version: str,
    images: str,
    connector: str,
    modes: tuple[str, ...],
    case_types: tuple[str, ...],
    terms_version: str,
    terms: str,
    contract: str,
    floors: tuple[str, ...],
    gallery_legality: str,
    probe_retention: str,
    security: str,
    breaches: str,
) -> Outcome:
    """Put a service on the register, unreviewed."""
    description = verbs.ServiceDescription(
        name=name,
        operator=operator,
        algorithm=algorithm,
        version=algorithm_version,
        gallery=images,
        connector=connector,
        modes=modes,
        case_types=case_types,
        terms_version=terms_version,
        terms=terms,
        contract=contract,
        quality_floor=dict(map(_floor, floors)),
        gallery_legality=gallery_legality,
        probe_retention=probe_retention,
        security=security,
        breaches=breaches,
    )
    row = verbs.register_service(desk.office, description=description, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome({**view(row), "missing": _missing(row)}, headline="Registered, unreviewed.")


@command(service, "complete", acts="reg")
@click.argument("which", metavar="SERVICE")
@click.option("--contract", default="", help="Number of the contract or agreement.")
@click.option("--terms", default="", help="The terms, in words.")
@click.option("--gallery-legality", default="", help="On what lawful ground its images were gathered.")
@click.option("--probe-retention", default="", help="What its operator keeps of a probe, and how long.")
@click.option("--security", default="", help="How it is secured.")
@click.option("--breaches", default="", help="Its history of breaches, or that none is known.")
def complete(desk: Desk, *, which: str, **stated: str) -> Outcome:
    """State what the record lacks; without all of it a service is not approved."""
    said = {name: text for name, text in stated.items() if text}
    row = verbs.complete_record(desk.office, service_id=desk.service(which), stated=said, by=desk.by)
    if isinstance(row, Refusal):
        return refused(row)
    return Outcome({**view(row), "missing": _missing(row)}, headline="Recorded.")


@command(service, "acquire", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.option("--evidence", required=True, help="Where the evidence lies.")
@click.option("--supplied-test", required=True, help="The test report that the vendor supplied.")
@click.option("--test-holds/--test-fails", required=True, help="Whether that report held up when checked.")
@click.option("--contract-holds/--contract-fails", required=True, help="Whether the contract's terms do.")
@click.option("--findings", required=True, help="What was found, in words; kept in the vault.")
def acquire(
    desk: Desk,
    *,
    which: str,
    evidence: str,
    supplied_test: str,
    test_holds: bool,
    contract_holds: bool,
    findings: str,
) -> Outcome:
    """Record an acquisition review of the present version. Never by whoever put the service on the register."""
    looked = Looked(evidence, supplied_test, test_holds, contract_holds, findings)
    row = review_acquisition(desk.office, service_id=desk.service(which), looked=looked, by=desk.by)
    return answered(row, "Recorded.")


@command(service, "version", acts="reg")
@click.argument("which", metavar="SERVICE")
@click.argument("version")
def version(desk: Desk, *, which: str, version: str) -> Outcome:
    """Say that the service runs another version. An approval is suspended: test and review it anew."""
    row = verbs.report_version(desk.office, service_id=desk.service(which), version=version, by=desk.by)
    return answered(row, "Recorded.")


@command(service, "connect", acts="admin")
@click.argument("which", metavar="SERVICE")
@click.option("--verification-threshold", type=float, help="Distance at or below which 1:1 decides `match`.")
def connect(desk: Desk, *, which: str, verification_threshold: float | None) -> Outcome:
    """Make the folder of a registered service that runs on the embedded engine: credential, gallery key, settings."""
    row = Service.objects.get(pk=desk.service(which))
    if (desk.office.home / "services" / row.connector).exists():
        raise BadInputError(f"the folder `services/{row.connector}` exists already; nothing was changed")
    config = {} if verification_threshold is None else {"verification_threshold": verification_threshold}
    folder = bootstrap.connect_service(
        desk.office, name=row.connector, service_id=row.id, backend="embedded", config=config
    )
    return Outcome({"service": row.id, "folder": str(folder)}, headline="Connected.")


@command(service, "decide", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.argument("status", type=click.Choice(DECIDABLE))
@_approving
def decide(desk: Desk, *, which: str, status: str, expires: datetime | None, **conditions: Any) -> Outcome:
    """Change a service's standing; it takes effect at the next submission."""
    row = verbs.decide_on_service(
        desk.office,
        service_id=desk.service(which),
        status=status,
        approval_expires=expires,
        conditions=_conditions(**conditions),
        by=desk.by,
    )
    return answered(row, "Decided.")


@command(service, "test", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.option(
    "--kind", required=True, type=click.Choice(list(map(str, INDIRECT))), help="What evidence it is."
)
@click.option("--standard", required=True, help="By which standard it was tested.")
@click.option("--made-by", required=True, help="Who tested it: a vendor, a laboratory, NIST.")
@click.option("--report", required=True, help="Where the report lies.")
@click.option(
    "--report-file", type=FILE, help="The report itself; its SHA-256 is recorded, the file is not kept."
)
@click.option(
    "--algorithm-version", required=True, help="The version that was tested, as the report says it."
)
@click.option(
    "--mode", "modes", multiple=True, required=True, type=click.Choice(sorted(MODES)), help="What was tested."
)
@click.option("--use", "use_id", default="", help="The one use it is for; leave it out where it is for all.")
@click.option("--passed/--failed", required=True)
@click.option("--tested", type=INSTANT, required=True, help="When.")
@click.option("--due", type=INSTANT, required=True, help="When the next test is due.")
def test(
    desk: Desk,
    *,
    which: str,
    kind: str,
    standard: str,
    made_by: str,
    report: str,
    report_file: Path | None,
    algorithm_version: str,
    modes: tuple[str, ...],
    use_id: str,
    passed: bool,
    tested: datetime,
    due: datetime,
) -> Outcome:
    """Record somebody else's test, or statistics of use, as what they are (D-026-11/testing).

    A test of one's own has a plan that is frozen first: `counterseal evaluate plan`.
    """
    evidence = Evidence(
        kind=kind,
        standard=standard,
        made_by=made_by,
        report=report,
        version=algorithm_version,
        modes=modes,
        passed=passed,
        tested_at=tested,
        due=due,
        report_sha256=hashlib.sha256(read_file(report_file, "the report")).hexdigest() if report_file else "",
    )
    row = record_evidence(
        desk.office, service_id=desk.service(which), evidence=evidence, use_id=use_id, by=desk.by
    )
    return answered(row, "Recorded.")


@command(service, "terms", acts="ines")
@click.argument("which", metavar="[SERVICE]", required=False, default="")
@click.option("--show", is_flag=True, help="Show the terms and accept nothing.")
def terms(desk: Desk, *, which: str, show: bool) -> Outcome:
    """Accept a service's terms in their present version, for oneself (HSI-M/4C4-terms)."""
    row = Service.objects.get(pk=desk.service(which))
    shown = {"terms_version": row.terms_version, "terms": row.terms}
    if show:
        return Outcome({"service": row.id, **shown})
    accepted = verbs.accept_terms(desk.office, service_id=row.id, by=desk.by)
    return Outcome({**view(accepted), **shown}, headline="Accepted.")


@command(service, "review", acts="rue")
@click.argument("review_id", metavar="REVIEW")
@click.option(
    "--outcome", required=True, type=click.Choice(list(map(str, ReviewOutcome))), help="What came of it."
)
@_approving
def review(
    desk: Desk, *, review_id: str, outcome: str, expires: datetime | None, **conditions: Any
) -> Outcome:
    """Close a review that a use in exigency opened (HSI-M/4C3-after-review). Its outcome moves the service."""
    row = verbs.close_service_review(
        desk.office,
        review_id=review_id,
        outcome=outcome,
        approval_expires=expires,
        conditions=_conditions(**conditions),
        by=desk.by,
    )
    return answered(row, "Closed.")


@command(service, "reconcile", acts="rue")
@click.argument("which", metavar="SERVICE")
@click.argument("file", type=FILE)
@click.option("--since", type=INSTANT, required=True, help="From when the operator's log is.")
@click.option("--until", type=INSTANT, required=True, help="Until when; that instant is not in it.")
def reconcile(desk: Desk, *, which: str, file: Path, since: datetime, until: datetime) -> Outcome:
    """Hold the operator's own log (CSV: request, time, user) against the intents that were sealed.

    Each request stands in both, once. What does not is a finding: see docs/how-to/review-a-service.md.
    """
    done = reconcile_service(
        desk.office,
        service_id=desk.service(which),
        log=read_file(file, "the operator's log"),
        since=since,
        until=until,
        by=desk.by,
    )
    if isinstance(done, Refusal):
        return refused(done)
    result = done.result
    return Outcome(
        {
            **view(done.record),
            "outside": len(result.outside),
            "new_findings": [
                {"id": f.id, "kind": f.kind, "about": f.about, "says": f.says} for f in done.new
            ],
            "ours_only_requests": list(result.ours_only),
            "theirs_only_rows": [_line(line) for line in result.theirs_only],
            "doubled_rows": [_line(line) for line in result.doubled],
            "malformed_rows": [{"row": m.row, "why": m.why} for m in done.log.malformed],
        },
        headline="Every search stands in both logs, once."
        if not (result.ours_only or result.theirs_only or result.doubled or done.log.malformed)
        else "The logs differ.",
        tables={
            "new_findings": ("id", "kind", "says"),
            "theirs_only_rows": ("row", "request", "time", "user"),
            "doubled_rows": ("row", "request", "time", "user"),
            "malformed_rows": ("row", "why"),
        },
    )


@command(service, "declare", acts="ines")
@click.argument("tool")
@click.option("--operator", required=True, help="Who runs it.")
@click.option("--unit", required=True, help="Which unit uses or used it.")
@click.option("--how", required=True, type=click.Choice(HOW))
@click.option("--found-by", required=True, type=click.Choice(FOUND_BY), help="How it came to light.")
@click.option("--since", type=INSTANT, required=True)
@click.option("--until", type=INSTANT, help="When it ended; leave it out where it goes on.")
@click.option("--searches", type=int, help="How many searches; leave it out where nobody knows.")
@click.option("--words", required=True, help="The rest, in words; kept in the vault.")
def declare(
    desk: Desk,
    *,
    tool: str,
    operator: str,
    unit: str,
    how: str,
    found_by: str,
    since: datetime,
    until: datetime | None,
    searches: int | None,
    words: str,
) -> Outcome:
    """Declare a trial, or a use beside the register. Anybody here may, also of themselves."""
    trial = Trial(tool, operator, unit, how, found_by, since, words, until, searches)
    return answered(declare_trial(desk.office, trial=trial, by=desk.by), "Declared; a finding is open.")


@command(service, "close-trial", acts="rue")
@click.argument("trial_id", metavar="TRIAL")
@click.option("--outcome", required=True, type=click.Choice(OUTCOMES))
def close_a_trial(desk: Desk, *, trial_id: str, outcome: str) -> Outcome:
    """Say what came of a declaration. Never the person who declared."""
    return answered(close_trial(desk.office, trial_id=trial_id, outcome=outcome, by=desk.by), "Closed.")


@command(service, "show")
@click.argument("which", metavar="SERVICE")
def show(desk: Desk, *, which: str) -> Outcome:
    """Show a service, its tests and their plans, and which test each of its modes rests on now.

    A plan that no test concluded stays in the list: what it would have shown, nobody was told.
    """
    now = desk.office.clock()
    row = Service.objects.get(pk=desk.service(which))
    rests_on = [
        {"mode": mode, **facts_of_test(desk.office, row, mode=mode, use_id="", at=now)} for mode in row.modes
    ]
    return Outcome(
        {
            **view(row),
            "status": service_standing(row, at=now),
            "missing": _missing(row),
            "rests_on": rests_on,
            "tests": [view(t) for t in row.tests.order_by("-tested_at", "-entry_index")],
            "test_plans": [view(p) for p in row.test_plans.order_by("-planned_at")],
        },
        tables={
            "rests_on": ("mode", "status", "kind", "version", "due", "report"),
            "tests": ("id", "outcome", "kind", "version", "modes", "tested_at", "due", "made_by"),
            "test_plans": ("id", "status", "mode", "version", "planned_at"),
        },
    )


@command(service, "list")
def list_services(desk: Desk) -> Outcome:
    """Every service with its standing now and what its record lacks, open reviews and open declarations."""
    now = desk.office.clock()
    services = [
        {**view(s), "status": service_standing(s, at=now), "missing": _missing(s)}
        for s in Service.objects.order_by("entry_index")
    ]
    reviews = [
        {**view(r), "days_left": (r.due - now) // timedelta(days=1)}
        for r in ServiceReview.objects.filter(status="open").order_by("due")
    ]
    trials = TrialDeclaration.objects.filter(status="open").order_by("declared_at")
    return Outcome(
        {"services": services, "open_reviews": reviews, "open_trials": [view(t) for t in trials]},
        tables={
            "services": ("id", "name", "status", "approval_expires", "modes", "case_types"),
            "open_reviews": ("id", "service", "because_of_request", "due", "days_left"),
            "open_trials": ("id", "tool", "unit", "how", "since"),
        },
    )


def _line(line: Line) -> dict[str, Any]:
    return {"row": line.row, "request": line.request, "time": json_value(line.at), "user": line.user}


def _missing(row: Service) -> list[str]:
    return [u.missing for u in verbs.missing_for_approval(row)]


def _floor(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise BadInputError(f"`--floor {text}` is not COMPONENT=VALUE, for example sharpness=20") from None
