"""The database's own guards, made from the same tables that Python checks.

An update can go round Python. These triggers refuse it: a status moves only as the transitions say, what was
asked or judged is never changed, a log row neither, a sealed row is never deleted or replaced, an approval is
for the request's own requester, a judgement comes only into an open review, and a lead only of a candidate
that two people kept.
"""

from collections import defaultdict

from django.apps import apps

from counterseal.casework.transitions import TRANSITIONS as CASEWORK
from counterseal.casework.words import KEPT
from counterseal.gateway.belonging import cases_in_sql
from counterseal.gateway.databases import database
from counterseal.gateway.databases.port import Guard
from counterseal.oversight.principles import PRINCIPLES
from counterseal.oversight.transitions import TRANSITIONS as OVERSIGHT
from counterseal.terms.rows import SealedRow

# What is written once and never changed: statements, judgements, approvals, and the log itself.
WRITTEN_ONCE = (
    "people.attestation",
    "people.certificate",
    "people.examinerqualification",
    "people.sessiondisowned",
    "casework.caseassignment",
    "casework.evidenceitem",
    "casework.approval",
    "casework.disposition",
    "casework.comparison",
    "casework.candidaterow",
    "casework.candidatelistrow",
    "casework.probeedit",
    "casework.probe",
    "casework.investigativestep",
    "oversight.acquisitionreview",
    "oversight.alternativetaken",
    "oversight.analysisapproval",
    "oversight.complaint",
    "oversight.concurrence",
    "oversight.disclosure",
    "oversight.optoutlistissued",
    "oversight.packconfirmation",
    "oversight.packfact",
    "oversight.partneragreement",
    "oversight.partnerservice",
    "oversight.principleevidence",
    "oversight.programcode",
    "oversight.programfilerecord",
    "oversight.programlistheld",
    "oversight.reconciliation",
    "oversight.servicetest",
    "oversight.supervisorreview",
    "oversight.termsacceptance",
    "oversight.useauthorisation",
    "oversight.usechange",
    "oversight.verificationterms",
    "oversight.logentry",
    "oversight.logkey",
    "oversight.lognode",
)
# Of these rows only the named columns move; all others stay as they were made.
MOVING = {
    "people.rolegrant": ("revoked_at",),
    "people.session": ("ended_at", "ended_because"),
    "casework.case": ("status",),
    "casework.searchrequest": ("status", "submitted_at", "intent_index"),
    "casework.review": ("status", "none_of_these", "locked_at"),
    "casework.lead": ("status", "report"),
    "casework.evidencerelation": ("resolved_by_id", "resolved_at", "resolution"),
    "casework.enforcementaction": ("status", "confirmed_by_id", "confirmed_at"),
    "oversight.apiclient": ("status", "ended_by_id", "ended_at"),
    "oversight.packchange": ("status", "effective_at"),
    "oversight.servicereview": ("status", "outcome", "decided_by_id"),
    "oversight.servicetestplan": ("status",),
    "oversight.trialdeclaration": ("status", "outcome", "closed_by_id"),
    "oversight.use": ("status", "round"),
    "oversight.userisk": ("status", "evidence", "closed_by_id"),
    "oversight.duty": ("closed_at", "closed_by_id"),
    "oversight.redressrequest": ("status", "outcome", "case_id", "answer", "answered_by_id", "answered_at"),
    "oversight.optout": ("status", "token", "receipt_token", "withdrawn_at"),
    "oversight.finding": ("status", "decided_by_id", "decided_at", "words"),
    "oversight.sampleperiod": ("status", "drawn_by_id", "drawn_at", "drawn_index"),
    "oversight.referral": ("status", "outcome", "answered_by_id", "answered_at", "words"),
    "oversight.keptsample": ("destroyed_at",),
    "oversight.hold": ("status", "lifted_by_id", "lifted_at"),
    "oversight.vaultobject": ("wrapped_key", "destroyed_at"),
}
# Set once: from empty to something, then never again.
SET_ONCE = {
    "people.rolegrant": "revoked_at",
    "people.session": "ended_at",
    "casework.searchrequest": "intent_index",
    "casework.evidencerelation": "resolved_at",
    "oversight.duty": "closed_at",
    "oversight.packchange": "effective_at",
    "oversight.keptsample": "destroyed_at",
    "oversight.redressrequest": "answered_at",
    "oversight.referral": "answered_at",
    "oversight.sampleperiod": "drawn_at",
    "oversight.apiclient": "ended_at",
    "oversight.optout": "withdrawn_at",
    "oversight.vaultobject": "destroyed_at",
}
NEVER_DELETED = (
    "oversight.logentry",
    "oversight.lognode",
    "oversight.logstate",
    "oversight.logkey",
    "oversight.vaultobject",
)
# Not statements, and yet only ever added to; and where one column alone moves.
ONLY_ADDED = ("oversight.logcosignature",)
ONE_COLUMN = {"oversight.logdisclosures": "encoded"}
# Notes of the HTTP interface, which run out within a day: no record of the office is among them.
RUN_OUT = ("oversight.apianswer", "oversight.apiassertion", "oversight.apicount", "oversight.apitoken")


# Whoever asked for, approved or reviewed a search: of the case that the answer names, or of any where it names none.
ACTED_IN_CASE = " OR ".join(
    f"EXISTS (SELECT 1 FROM {tables} WHERE {person} = NEW.answered_by_id "  # noqa: S608 - our own words
    "AND (NEW.case_id = '' OR r.case_id = NEW.case_id))"
    for tables, person in (
        ("casework_searchrequest r", "r.requester_id"),
        ("casework_approval a JOIN casework_searchrequest r ON r.id = a.request_id", "a.approver_id"),
        (
            "casework_review v JOIN casework_candidatelistrow l ON l.id = v.candidate_list_id "
            "JOIN casework_searchrequest r ON r.id = l.request_id",
            "v.reviewer_id",
        ),
        ("casework_enforcementaction r", "r.requested_by_id"),
        ("casework_enforcementaction r", "r.confirmed_by_id"),
    )
)


def install_guards() -> int:
    """Make all of them anew; answers how many there are. Run after every migration, as the tables' owner."""
    made = guards()
    database().install(list(made.values()))
    return len(made)


def missing_guards() -> list[str]:
    """Names of the guards that the database does not hold, or not as they are made here."""
    return database().missing(list(guards().values()))


def triggers() -> dict[str, str]:
    """Every guard by name, as this database's own SQL."""
    return {name: database().rendered(guard) for name, guard in guards().items()}


def rights() -> dict[str, str]:
    """What the application's role may do with each table, where the database knows roles. It deletes no record."""
    made = {}
    for model in apps.get_models():
        label = model._meta.label_lower
        if label in ONE_COLUMN:
            update = f", UPDATE ({ONE_COLUMN[label]})"
        else:
            update = "" if label in (*WRITTEN_ONCE, *ONLY_ADDED) else ", UPDATE"
        delete = ", DELETE" if label in RUN_OUT else ""
        made[model._meta.db_table] = f"SELECT, INSERT{update}{delete}"
    return made


def never_updated() -> list[str]:
    """Tables in which the application's role may change nothing that is there."""
    return [table for table, allowed in rights().items() if "UPDATE" not in allowed]


def guards() -> dict[str, Guard]:
    """Every guard by name. SQL that SQLite and PostgreSQL both understand: TRUE, not 1; IS DISTINCT FROM."""
    made: dict[str, Guard] = {}

    def guard(name: str, event: str, table: str, when: str, says: str) -> None:
        made[name] = Guard(name, event, table, when, says)

    for label, pairs in _moves().items():
        model = apps.get_model(label)
        if "status" not in {f.name for f in model._meta.fields}:
            continue
        table, short = model._meta.db_table, label.replace(".", "_")
        made_as = ", ".join(f"'{after}'" for before, after in sorted(pairs) if before == "")
        allowed = " OR ".join(
            f"(OLD.status = '{before}' AND NEW.status = '{after}')"
            for before, after in sorted(pairs)
            if before
        )
        guard(
            f"{short}_made",
            "INSERT",
            table,
            f"NEW.status NOT IN ({made_as})",
            f"{label}: made in a state it cannot begin in",
        )
        guard(
            f"{short}_moved",
            "UPDATE OF status",
            table,
            f"NEW.status <> OLD.status AND NOT ({allowed or 'FALSE'})",
            f"{label}: this state cannot follow that one",
        )
    for label in WRITTEN_ONCE:
        model = apps.get_model(label)
        guard(
            f"{label.replace('.', '_')}_once",
            "UPDATE",
            model._meta.db_table,
            "TRUE",
            f"{label}: written once, never changed",
        )
    for model in apps.get_models():
        label = model._meta.label_lower
        if issubclass(model, SealedRow) or label in NEVER_DELETED:
            guard(
                f"{label.replace('.', '_')}_kept",
                "DELETE",
                model._meta.db_table,
                "TRUE",
                f"{label}: a sealed row is never deleted",
            )
            # INSERT OR REPLACE deletes without asking the guard above.
            key = " AND ".join(f'"{f.column}" = NEW."{f.column}"' for f in model._meta.pk_fields)
            guard(
                f"{label.replace('.', '_')}_anew",
                "INSERT",
                model._meta.db_table,
                f"EXISTS (SELECT 1 FROM {model._meta.db_table} WHERE {key})",  # noqa: S608 - our own models' names
                f"{label}: a row is never replaced",
            )
    for label, moving in MOVING.items():
        model = apps.get_model(label)
        fixed = [f.column for f in model._meta.concrete_fields if f.column not in (*moving, "entry_index")]
        guard(
            f"{label.replace('.', '_')}_frozen",
            "UPDATE",
            model._meta.db_table,
            " OR ".join(f'NEW."{c}" IS DISTINCT FROM OLD."{c}"' for c in fixed),
            f"{label}: only {', '.join(moving)} may change",
        )
    for label, column in SET_ONCE.items():
        guard(
            f"{label.replace('.', '_')}_set_once",
            "UPDATE",
            apps.get_model(label)._meta.db_table,
            f'OLD."{column}" IS NOT NULL AND NEW."{column}" IS DISTINCT FROM OLD."{column}"',
            f"{label}: {column} is set once",
        )
    guard(
        "approval_of_the_requester",
        "INSERT",
        "casework_approval",
        "NEW.requester_id <> (SELECT requester_id FROM casework_searchrequest WHERE id = NEW.request_id)",
        "casework.approval: names another requester than its request",
    )
    guard(
        "concurrence_on_the_proposer",
        "INSERT",
        "oversight_concurrence",
        "NEW.proposer_id <> (SELECT proposed_by_id FROM oversight_use WHERE id = NEW.use_id)",
        "oversight.concurrence: names another proposer than its use",
    )
    guard(
        "disposition_into_an_open_review",
        "INSERT",
        "casework_disposition",
        "(SELECT status FROM casework_review WHERE id = NEW.review_id) <> 'open'",
        "casework.disposition: its review is locked",
    )
    guard(
        "lead_kept_by_two",
        "INSERT",
        "casework_lead",
        "(SELECT foil FROM casework_candidaterow WHERE id = NEW.candidate_id) "  # noqa: S608 - our own words
        "OR (SELECT count(DISTINCT r.reviewer_id) FROM casework_disposition d "
        "JOIN casework_review r ON r.id = d.review_id WHERE d.candidate_id = NEW.candidate_id "
        "AND r.status = 'locked' AND r.reviewer_id IN (NEW.first_reviewer_id, NEW.second_reviewer_id) "
        f"AND d.judgement IN ({', '.join(repr(str(j)) for j in sorted(KEPT))})) < 2",
        "casework.lead: two people must have kept the candidate, in locked reviews",
    )
    guard(
        "lead_compared",
        "INSERT",
        "casework_lead",
        "NOT EXISTS (SELECT 1 FROM casework_comparison WHERE id = NEW.comparison_id "
        "AND candidate_id = NEW.candidate_id AND result = 'consistent')",
        "casework.lead: no fitting comparison of this candidate",
    )
    guard(
        "concurrence_of_this_round",
        "INSERT",
        "oversight_concurrence",
        "NEW.round <> (SELECT round FROM oversight_use WHERE id = NEW.use_id)",
        "oversight.concurrence: of another round than its use is in",
    )
    guard(
        "use_active_by_three",
        "UPDATE OF status",
        "oversight_use",
        "NEW.status = 'active' AND (SELECT count(DISTINCT person_id) FROM oversight_concurrence "
        "WHERE use_id = NEW.id AND round = NEW.round AND concurs) < 3",
        "oversight.use: active only after three offices, three persons",
    )
    guard(
        "use_active_on_nine_principles",
        "UPDATE OF status",
        "oversight_use",
        "NEW.status = 'active' AND (SELECT count(DISTINCT principle) FROM oversight_principleevidence "  # noqa: S608 - our own words
        f"WHERE use_id = NEW.id AND round = NEW.round) < {len(PRINCIPLES)}",
        "oversight.use: active only with evidence for each principle",
    )
    guard(
        "use_active_on_its_risks",
        "UPDATE OF status",
        "oversight_use",
        "NEW.status = 'active' AND NOT EXISTS (SELECT 1 FROM oversight_userisk WHERE use_id = NEW.id)",
        "oversight.use: active only with a register of risks",
    )
    guard(
        "use_reviewed_again_from_nothing",
        "UPDATE OF status, round",
        "oversight_use",
        "NEW.round <> OLD.round + CASE WHEN NEW.status = 'under-review' AND OLD.status <> 'under-review' "
        "THEN 1 ELSE 0 END",
        "oversight.use: each review anew is a round of its own, and only that",
    )
    guard(
        "service_approved_after_acquisition",
        "UPDATE OF status, version",
        "oversight_service",
        "NEW.status IN ('approved', 'approved-with-conditions') AND NOT EXISTS (SELECT 1 "
        "FROM oversight_acquisitionreview WHERE service_id = NEW.id AND version = NEW.version AND acceptable "
        "AND reviewer_id <> NEW.registered_by_id)",
        "oversight.service: approved only after an acquisition review of this version",
    )
    guard(
        "finding_decided_by_moving",
        "UPDATE OF decided_by_id, decided_at, words",
        "oversight_finding",
        "NEW.status = OLD.status AND (NEW.decided_by_id <> OLD.decided_by_id OR NEW.words <> OLD.words "
        "OR NEW.decided_at IS DISTINCT FROM OLD.decided_at)",
        "oversight.finding: who decided, when and why change only with where it stands",
    )
    guard(
        "finding_closed_by_its_referral",
        "UPDATE OF status",
        "oversight_finding",
        "OLD.status = 'referred' AND NEW.status <> OLD.status AND NOT EXISTS (SELECT 1 FROM oversight_referral "
        "WHERE finding_id = NEW.id AND outcome = NEW.status AND answered_by_id = NEW.decided_by_id)",
        "oversight.finding: a referred one is closed by the outcome of its referral",
    )
    guard(
        "finding_referred_with_a_referral",
        "UPDATE OF status",
        "oversight_finding",
        "NEW.status = 'referred' AND OLD.status <> 'referred' AND NOT EXISTS (SELECT 1 FROM oversight_referral "
        "WHERE finding_id = NEW.id)",
        "oversight.finding: referred only with a referral",
    )
    guard(
        "finding_of_a_search_decided_by_another",
        "UPDATE OF status, decided_by_id",
        "oversight_finding",
        "NEW.decided_by_id <> '' AND (EXISTS (SELECT 1 FROM casework_searchrequest WHERE id = NEW.about "
        "AND requester_id = NEW.decided_by_id) OR EXISTS (SELECT 1 FROM casework_approval "
        "WHERE request_id = NEW.about AND approver_id = NEW.decided_by_id))",
        "oversight.finding: of a search, decided by its requester or an approver",
    )
    guard(
        "period_after_the_one_before",
        "INSERT",
        "oversight_sampleperiod",
        "EXISTS (SELECT 1 FROM oversight_sampleperiod WHERE until > NEW.since)",
        "oversight.sampleperiod: begins before another one ends",
    )
    guard(
        "supervised_by_no_approver",
        "INSERT",
        "oversight_supervisorreview",
        "NEW.requester_id <> (SELECT requester_id FROM casework_searchrequest WHERE id = NEW.request_id) "
        "OR EXISTS (SELECT 1 FROM casework_approval WHERE request_id = NEW.request_id "
        "AND approver_id = NEW.reviewer_id)",
        "oversight.supervisorreview: by an approver of the search, or naming another requester",
    )
    guard(
        "approved_by_no_supervising_reviewer",
        "INSERT",
        "casework_approval",
        "EXISTS (SELECT 1 FROM oversight_supervisorreview WHERE request_id = NEW.request_id "
        "AND reviewer_id = NEW.approver_id)",
        "casework.approval: by the supervisor who reviewed the search",
    )
    guard(
        "review_duty_closed_by_a_review",
        "UPDATE OF closed_at, closed_by_id",
        "oversight_duty",
        "NEW.kind = 'supervisor-review' AND NEW.closed_at IS NOT NULL AND NOT EXISTS (SELECT 1 "
        "FROM oversight_supervisorreview WHERE request_id = NEW.about AND reviewer_id = NEW.closed_by_id)",
        "oversight.duty: a review is closed by a review",
    )
    guard(
        "redress_answered_by_no_actor",
        "UPDATE OF answered_by_id",
        "oversight_redressrequest",
        f"NEW.answered_by_id <> '' AND ({ACTED_IN_CASE})",
        "oversight.redressrequest: by somebody who acted in that case, or in any search where no case is known",
    )
    guard(
        "redress_answer_kept",
        "UPDATE",
        "oversight_redressrequest",
        "OLD.status = 'answered'",
        "oversight.redressrequest: an answer is not changed",
    )
    guard(
        "redress_duty_closed_by_an_answer",
        "UPDATE OF closed_at, closed_by_id",
        "oversight_duty",
        "NEW.kind = 'redress' AND NEW.closed_at IS NOT NULL AND NOT EXISTS (SELECT 1 "
        "FROM oversight_redressrequest WHERE id = NEW.about AND answered_by_id = NEW.closed_by_id)",
        "oversight.duty: redress is closed by an answer",
    )
    guard(
        "destroyed_under_a_hold",
        "UPDATE OF destroyed_at",
        "oversight_vaultobject",
        "NEW.destroyed_at IS NOT NULL AND OLD.destroyed_at IS NULL AND EXISTS (SELECT 1 FROM oversight_hold "  # noqa: S608 - our own words
        "WHERE status = 'in-force' AND (about = NEW.about OR about IN "
        f"({cases_in_sql('NEW.about')})))",
        "oversight.vaultobject: a hold stands over it or its case",
    )
    return made


def _moves() -> dict[str, set[tuple[str, str]]]:
    pairs: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for transition in (*CASEWORK.values(), *OVERSIGHT.values()):
        for before in transition.before:
            pairs[transition.table].add((before, str(transition.after)))
    return pairs
