"""The documents of one test, as they lie in its folder, and what does not agree between them.

`result.json` is needed; plan, corpus and verdict may be missing, and the report says so. Nothing is computed here
but digests: a report shows what was sealed.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.strict import document_digest

Json = Mapping[str, Any]
DOCUMENTS = ("plan.json", "corpus.json", "result.json", "verdict.json", "counted.json", "times.json")
OUTPUTS = ("result.csv", "report.html", "report.pdf", "public.html")
HASHES = "sha256.txt"
RECEIPT = "plan-receipt.txt"
RESULT_SCHEMA = "counterseal-evaluation-1"
PLAN_SCHEMA = "counterseal-test-plan-1"
_LARGEST = 256 << 20

_AT = {
    "threshold": (float, int, type(None), str),
    "fmr": (float, int, type(None)),
    "fnmr": (float, int, type(None)),
}
# What a section cannot be written without; the rest may be missing, and the section says so.
_RESULT: Mapping[str, Any] = {
    "n_mated": int,
    "n_non_mated": int,
    "settings": dict,
    "thresholds": [{"target_fmr": (float, int), "fmr_count": int, "fnmr_count": int, **_AT}],
    "det": [{**_AT}],
    "groups": [{"grouping": str, "group": str, "evaluated": bool, "rates": [dict]}],
    "matrices": [{"grouping": str, "labels": [str], "fmr": [list], "count": [list], "trials": [list]}],
    "differentials": [
        {"grouping": str, "target_fmr": (float, int), "fmr": dict, "fnmr": dict, "pairs": [dict]}
    ],
    "warnings": [str],
}
_PLAN: Mapping[str, Any] = {"goals": [{"id": str}]}
_VERDICT: Mapping[str, Any] = {"overall": str, "verdicts": [{"goal": str, "verdict": str}]}


@dataclass(frozen=True, slots=True)
class Documents:
    """Plan, corpus, result and verdict of one test.

    times, counted: what a run here measured beside the result (time, and sizes and quality of its images).
    digests: file name -> SHA-256 (hex) of its bytes, for every file of the folder that the report may name.
    faults: sentences on what does not agree; the report shows them first.
    """

    result: Json
    plan: Json | None = None
    corpus: Json | None = None
    verdict: Json | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    times: Json | None = None
    counted: Json | None = None

    @property
    def plan_digest(self) -> str | None:
        """SHA-256 of the plan in its canonical form (RFC 8785): what was sealed before scores were seen."""
        return None if self.plan is None else document_digest(self.plan)


def read_documents(folder: Path) -> Documents:
    """The documents of a test's folder.

    Raises:
        EvaluationInputError: there is no result, or a document is not what its name says.
    """
    if not folder.is_dir():
        raise EvaluationInputError(
            f"`{folder}` is no folder; give the folder of a test, which holds result.json"
        )
    if not (folder / "result.json").is_file():
        raise EvaluationInputError(
            f"`{folder}` holds no result.json; run the test first, or write what "
            "`counterseal evaluate SCORES … --json` prints into it"
        )
    raw = {name: _bytes(folder / name) for name in DOCUMENTS if (folder / name).is_file()}
    parsed = {name: _parsed(name, data) for name, data in raw.items()}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in raw.items()}
    for name in sorted(
        {RECEIPT, "failures.csv", "scores.parquet", *_inputs(parsed["result.json"])} - set(digests)
    ):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return documents(
        parsed["result.json"],
        plan=parsed.get("plan.json"),
        corpus=parsed.get("corpus.json"),
        verdict=parsed.get("verdict.json"),
        digests=digests,
        times=parsed.get("times.json"),
        counted=parsed.get("counted.json"),
    )


def documents(
    result: Json,
    *,
    plan: Json | None = None,
    corpus: Json | None = None,
    verdict: Json | None = None,
    digests: Mapping[str, str] | None = None,
    times: Json | None = None,
    counted: Json | None = None,
) -> Documents:
    """These documents, held to their shape and compared with each other."""
    if result.get("schema") != RESULT_SCHEMA:
        raise EvaluationInputError(
            f"result.json: `schema` is not `{RESULT_SCHEMA}`; it is no result of this program"
        )
    _hold("result.json", result, _RESULT)
    if plan is not None:
        if plan.get("schema", PLAN_SCHEMA) != PLAN_SCHEMA:
            raise EvaluationInputError(
                f"plan.json: `schema` is not `{PLAN_SCHEMA}`; it is no plan of this program"
            )
        _hold("plan.json", plan, _PLAN)
    if verdict is not None:
        _hold("verdict.json", verdict, _VERDICT)
    made = Documents(result, plan, corpus, verdict, digests or {}, times=times, counted=counted)
    return replace(made, faults=tuple(_disagreements(made)))


def _disagreements(d: Documents) -> list[str]:
    found = []
    judged = d.verdict or {}
    plans = {d.plan_digest, d.digests.get("plan.json")} - {None}
    if d.plan and judged.get("plan_sha256") and _bare(judged["plan_sha256"]) not in plans:
        found.append("The plan in this folder is not the plan that the verdict was given on.")
    measured = d.digests.get("result.json")
    if measured and judged.get("result_sha256"):
        canonical = document_digest(d.result)
        if _bare(judged["result_sha256"]) not in {measured, canonical}:
            found.append("The result in this folder is not the result that the verdict was given on.")
    corpus = d.digests.get("corpus.json")
    if d.plan and d.plan.get("corpus") and corpus:
        canonical = document_digest(d.corpus or {})
        if _bare(d.plan["corpus"]) not in {corpus, canonical}:
            found.append("The corpus card in this folder is not the one that the plan names.")
    for one in d.result.get("inputs") or ():
        here = d.digests.get(str(one.get("name")))
        if here and one.get("sha256") and _bare(one["sha256"]) != here:
            found.append(f"The file {one['name']} in this folder is not the file that was measured.")
    return found


def _bare(digest: object) -> str:
    return str(digest).removeprefix("sha256:").lower()


def _inputs(result: Json) -> list[str]:
    """Names of inputs that may lie in the folder itself: one plain name, no way out of it."""
    named = [i.get("name") for i in result.get("inputs") or () if isinstance(i, Mapping)]
    return [
        n
        for n in named
        if isinstance(n, str) and n == PurePosixPath(n).name and n.isprintable() and "\\" not in n
    ]


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        raise EvaluationInputError(
            f"{path.name} is larger than {_LARGEST >> 20} MB; it is no document of a test"
        )
    return path.read_bytes()


def _parsed(name: str, data: bytes) -> Json:
    try:
        document = json.loads(
            data.decode(), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_duplicates
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise EvaluationInputError(f"{name} is not JSON in UTF-8: {error}; write it anew") from error
    if not isinstance(document, dict):
        raise EvaluationInputError(f"{name} is not a JSON object; write it anew")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"`{name}` is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"`{digits:.40}` is too large for a number")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = sorted({k for k, _ in pairs if sum(k == other for other, _ in pairs) > 1})
        raise ValueError(f"`{twice[0]}` stands there twice")
    return made


def _hold(where: str, value: Any, shape: Any) -> None:
    """Raise where something is missing or of another kind; says where."""
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            raise EvaluationInputError(f"{where} is not an object; write the document anew with this version")
        for key, inner in shape.items():
            if key not in value:
                raise EvaluationInputError(
                    f"{where}: `{key}` is missing; write the document anew with this version"
                )
            _hold(f"{where}: `{key}`" if where.endswith(".json") else f"{where}.{key}", value[key], inner)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise EvaluationInputError(f"{where} is not a list; write the document anew with this version")
        for i, one in enumerate(value):
            _hold(f"{where}[{i}]", one, shape[0])
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is int):
        raise EvaluationInputError(f"{where} is {value!r:.60}, which it cannot be; write the document anew")
