"""Hold a service's answer against what was asked. An answer that contradicts itself is no answer."""

import math

from counterseal.connectors.port import Answer, ServiceFailure

_LARGEST_LIST = 50


def checked(answer: Answer | ServiceFailure, *, limit: int, lists: bool) -> Answer | ServiceFailure:
    """The answer, or a failure that says what is wrong with it.

    limit: the longest candidate list that was asked for. lists: whether a candidate list was asked for at all.
    """
    if isinstance(answer, ServiceFailure):
        return answer
    wrong = _wrong(answer, limit, lists)
    if wrong is None:
        return answer
    return ServiceFailure("inconsistent-answer", f"the service's answer contradicts itself: {wrong}")


def _wrong(answer: Answer, limit: int, lists: bool) -> str | None:
    candidates = answer.candidates
    ids = [c.reference_id for c in candidates] + [f.reference_id for f in answer.foils]
    scores = [c.score for c in candidates]
    checks = (
        (answer.score_kind not in ("similarity", "dissimilarity"), "its scores have no stated direction"),
        (not answer.engine_id, "it names no engine"),
        (
            answer.returned != len(candidates),
            f"it says it returned {answer.returned} candidates and sent {len(candidates)}",
        ),
        (
            len(candidates) > min(limit, _LARGEST_LIST),
            f"{limit} candidates were asked for, {len(candidates)} came",
        ),
        (
            answer.searched < len(ids),
            f"it says it compared {answer.searched} references and shows {len(ids)}",
        ),
        (len(set(ids)) != len(ids), "a reference is listed twice"),
        (not all(math.isfinite(s) for s in (*scores, *_numbers(answer))), "a score is no number"),
        (lists and answer.comparison is not None, "it compared where a list was asked for"),
        (
            not lists and (answer.comparison is None or bool(candidates)),
            "it sent no comparison where one was asked for",
        ),
        (
            not all([c.photograph for c in candidates] + [f.photograph for f in answer.foils]),
            "a candidate or a foil has no photograph to review",
        ),
        (
            len(answer.foils) > _LARGEST_LIST,
            f"it sent {len(answer.foils)} foils, more than {_LARGEST_LIST}",
        ),
        (
            bool({c.person_ref for c in candidates} & {f.person_ref for f in answer.foils}),
            "a foil shows a person who is on the list",
        ),
        (
            scores != sorted(scores, reverse=answer.score_kind == "similarity"),
            "its list is not in the order of its scores",
        ),
    )
    return next((says for is_wrong, says in checks if is_wrong), None)


def _numbers(answer: Answer) -> list[float]:
    """The numbers of a one-to-one comparison."""
    if answer.comparison is None:
        return []
    stated = answer.comparison.threshold
    return [answer.comparison.score] + ([] if stated is None else [stated])
