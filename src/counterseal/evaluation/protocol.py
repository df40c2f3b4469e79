"""The protocol of a test: plan, corpus card, verdict.

1 `Plan.from_toml` reads the plan; 2 the caller freezes it, that is, seals `plan.digest()` before a score is seen;
3 `evaluate` measures; 4 `judge` gives pass, fail or not shown on each goal. (2) is the gateway's (`plan_test`): a
digest proves what was planned, not when.
"""

from counterseal.evaluation.corpus import CorpusCard, TimeLapse
from counterseal.evaluation.plan import (
    Bound,
    Expected,
    Goal,
    Measure,
    Plan,
    PlannedGrouping,
    Scope,
    SmallestGroup,
    System,
)
from counterseal.evaluation.strict import Document, PlanError, document_digest
from counterseal.evaluation.verdicts import (
    Counts,
    Outcome,
    Verdict,
    deviations,
    judge,
    overall,
    retest_when,
    verdict_document,
)
from counterseal.terms.testing import Kind

__all__ = [
    "Bound",
    "CorpusCard",
    "Counts",
    "Document",
    "Expected",
    "Goal",
    "Kind",
    "Measure",
    "Outcome",
    "Plan",
    "PlanError",
    "PlannedGrouping",
    "Scope",
    "SmallestGroup",
    "System",
    "TimeLapse",
    "Verdict",
    "deviations",
    "document_digest",
    "judge",
    "overall",
    "retest_when",
    "verdict_document",
]
