"""Conclude a test: hold its result against the plan that was frozen, and seal what came of it (D-026-11/testing).

1 the plan is opened from the vault, not taken from the caller; 2 the run began after the plan was sealed, and none of
its inputs was part of a test concluded before that; 3 the verdict is judged here, from plan and result; 4 result,
verdict and reports are sealed by their digests. A use of the service goes by this verdict from the next decision on.
(2) holds what can be held: when a run began is what the tester says.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import rfc8785

from counterseal.evaluation.protocol import (
    CorpusCard,
    Document,
    Outcome,
    Plan,
    document_digest,
    verdict_document,
)
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.models import Service, ServiceTest, ServiceTestPlan, VaultObject
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError
from counterseal.terms.testing import Kind, Tested

ACTION = "conclude a test"
CAME_TO = {
    Outcome.PASS: Tested.PASSED,
    Outcome.FAIL: Tested.FAILED,
    Outcome.NOT_SHOWN: Tested.NOT_SHOWN,
}
FULL_REPORTS = ("report.html", "report.pdf", "result.json")
"""Which report stands for the test, the first that was made."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SEEN = Unmet(
    "D-026-11/testing",
    "scores of this run were part of a test that was concluded before this plan was frozen",
    "freeze a plan first, then gather or compute other scores; what was seen cannot be planned for",
)


def plan_of(office: Office, row: ServiceTestPlan) -> Plan:
    """The plan as it was frozen."""
    plan = Plan.from_json(json.loads(office.vault.open(row.plan)))
    if plan.digest() != row.sha256:
        raise BadInputError(f"the plan of `{row.id}` is not the one that was frozen: run `counterseal fsck`")
    return plan


def result_of(office: Office, test: ServiceTest) -> Document:
    """The result document of a direct test, as it was sealed. Raises: DestroyedError."""
    result: Document = json.loads(office.vault.open(test.result))
    return result


def expires(office: Office, began_at: datetime, *, at: datetime) -> date:
    """The day from which a direct test that began then counts no more, under the packs in force at `at`."""
    return office.policies.counts_until(Kind.DIRECT, began_at, at).date()


def conclude_test(
    office: Office,
    *,
    plan_id: str,
    result: Document,
    began_at: datetime,
    by: str,
    reports: Mapping[str, str] | None = None,
    corpus: CorpusCard | None = None,
    verdict: Document | None = None,
) -> ServiceTest | Refusal:
    """Seal what came of a planned test.

    result: the result document. began_at: when the run began. reports: SHA-256 of each file that was made of it, by
    name. corpus: the corpus card, where the plan names one. verdict: what the caller took it for; another one than
    the verb's own is an error, so that no report shows another verdict than the one sealed.
    Raises: BadInputError, where these do not fit together; StaleError, where the plan was concluded already.
    """
    reports = dict(reports or {})
    inputs = _inputs(result)
    if bad := [name for name, digest in reports.items() if not _SHA256.fullmatch(digest)]:
        raise BadInputError(f"`{bad[0]}` needs its SHA-256, in 64 lower-case hexadecimal digits")
    with change(office) as now:
        row = found(ServiceTestPlan, plan_id)
        service = found(Service, row.service_id)
        people = {"registered_by_id": service.registered_by_id}
        if refusal := stands_against(now, ACTION, by=by, target=plan_id, state=row.status, people=people):
            return refusal
        # (1)
        plan = plan_of(office, row)
        if (corpus.digest() if corpus else None) != plan.corpus:
            raise BadInputError("the corpus card is not the one that the plan names by its digest")
        # (2)
        if not row.planned_at < began_at <= now.at:
            raise BadInputError(
                f"the run began at {began_at.isoformat()}; it begins after its plan was frozen "
                f"({row.planned_at.isoformat()}), and not in the future"
            )
        if any(set(inputs) & set(test.inputs) for test in _concluded_before(row)):
            return now.refuse(
                "servicetestplan.refused", now.unmet([_SEEN]), by=by, action=ACTION, target=plan_id
            )
        # (3)
        judged = verdict_document(plan, result, expires=expires(office, began_at, at=now.at))
        if verdict is not None and dict(verdict) != judged:
            raise BadInputError("the verdict that was brought is not what plan and result give: make it anew")
        # (4)
        test, objects = _recorded(now, row, plan, result, judged, corpus, began_at, inputs, reports, by)
        row.status = "concluded"
        now.seal(
            "test.concluded",
            by=by,
            action=ACTION,
            target=test.id,
            outcome=test.outcome,
            clauses=["D-026-11/testing"],
            causes=[row.entry_index],
            public={"service": service.id, "plan": row.id, "mode": row.mode},
            committed={
                "plan_sha256": row.sha256,
                "result_sha256": judged["result_sha256"],
                "verdict_sha256": document_digest(judged),
                "reports": dict(sorted(reports.items())),
            },
            rows=[row, test],
            objects=objects,
        )
        return test


def _recorded(
    now: Change,
    row: ServiceTestPlan,
    plan: Plan,
    result: Document,
    judged: dict[str, Any],
    corpus: CorpusCard | None,
    began_at: datetime,
    inputs: list[str],
    reports: Mapping[str, str],
    by: str,
) -> tuple[ServiceTest, list[VaultObject]]:
    """The row and what the vault keeps, unsaved."""
    office = now.office

    def kept(document: Document, kind: str) -> VaultObject:
        name = office.new_name("object")
        return office.vault.put(
            name, rfc8785.dumps(dict(document)), kind=kind, about=row.service_id, at=now.at
        )

    objects = [kept(result, "test-result"), kept(judged, "test-verdict")]
    if corpus is not None:
        objects.append(kept(corpus.as_json(), "test-corpus"))
    shown = next((name for name in FULL_REPORTS if name in reports), "")
    test = ServiceTest(
        id=office.new_id(ServiceTest),
        service_id=row.service_id,
        version=row.version,
        modes=[row.mode],
        use_id=row.use_id,
        kind=Kind.DIRECT,
        outcome=CAME_TO[Outcome(judged["overall"])],
        plan=row,
        standard=plan.standard,
        made_by=plan.tester,
        report=shown or "result.json",
        report_sha256=reports.get(shown) or judged["result_sha256"],
        result=objects[0].id,
        verdict=objects[1].id,
        inputs=inputs,
        tested_at=began_at,
        due=office.policies.counts_until(Kind.DIRECT, began_at, now.at),
        recorded_by_id=by,
    )
    return test, objects


def _inputs(result: Document) -> list[str]:
    """SHA-256 of the scores that were measured."""
    listed = result.get("inputs")
    found = [
        each.get("sha256")
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, Mapping) and each.get("role") == "scores"
    ]
    digests = sorted({each for each in found if isinstance(each, str) and _SHA256.fullmatch(each)})
    if not digests or len(digests) != len(found):
        raise BadInputError(
            "the result names the scores it was measured from by their SHA-256 (`inputs`); this one does not"
        )
    return digests


def _concluded_before(row: ServiceTestPlan) -> list[ServiceTest]:
    """Tests whose results were sealed before this plan was."""
    return list(ServiceTest.objects.filter(plan__isnull=False, entry_index__lt=row.entry_index))
