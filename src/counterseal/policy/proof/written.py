"""The rules of a folder of policies as they are written, without the checks of loading.

For `policy prove` of packs that loading refuses: what is wrong with them is best shown by a request. Read are
the schema, the composition's base, and of each pack its layer, facts, rules and duties; no dates, no signatures.
"""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from counterseal.policy.composition import Layer
from counterseal.policy.engine import CedarError, Json, compile_schema_json, policies_of
from counterseal.policy.errors import PackError
from counterseal.policy.library import COMPOSITION_FILE, SCHEMA_FILE
from counterseal.policy.pack import Condition, Duty, Policy
from counterseal.policy.proof.errors import ProofError
from counterseal.policy.proof.questions import Rules
from counterseal.policy.schema import ActionShape, read_groups, read_schema, schema_json, with_groups


def rules_as_written(folder: Path) -> tuple[Rules, Mapping[str, Rules]]:
    """The base, and by its name each overlay that is there, with the base.

    Raises: ProofError: not even the texts can be read.
    """
    try:
        composed = tomllib.loads((folder / COMPOSITION_FILE).read_text("utf-8"))
        shapes = read_schema((folder / SCHEMA_FILE).read_text("utf-8"), folder / SCHEMA_FILE)
        base = [str(name) for name in composed["base"]]
        overlays = [path.name for path in sorted(folder.iterdir()) if _is_overlay(path)]
        return _rules(folder, base, shapes), {
            overlay: _rules(folder, [*base, overlay], shapes) for overlay in overlays
        }
    except (OSError, ValueError, KeyError, TypeError, CedarError, PackError) as error:
        raise ProofError(f"the packs of `{folder}` cannot even be read as text: {error}") from error


def _is_overlay(pack: Path) -> bool:
    source = pack / "source.toml"
    return source.is_file() and tomllib.loads(source.read_text("utf-8")).get("layer") == Layer.OVERLAY


def _rules(folder: Path, packs: list[str], shapes: Mapping[str, ActionShape]) -> Rules:
    policies: list[Policy] = []
    duties: list[Duty] = []
    for pack in packs:
        brought = folder / pack / "facts.cedarschema"
        if brought.is_file():
            shapes = with_groups(shapes, read_groups(brought.read_text("utf-8"), brought, shapes))
        for number, cedar in enumerate(_texts(folder / pack / "rules.cedar")):
            notes = cedar.get("annotations", {})
            name = notes.get("id") or f"policy {number + 1} of {pack}"
            clause = notes.get("clause") or f"{pack} without a clause"
            while any(policy.id == name for policy in policies):
                name += " (again)"
            permits = cedar["effect"] == "permit"
            condition = Condition(name, (clause,), "", "")
            policies.append(Policy(name, pack, permits, cedar, (condition,)))
        for number, cedar in enumerate(_texts(folder / pack / "obligations.cedar")):
            notes = cedar.get("annotations", {})
            name = notes.get("id") or f"duty {number + 1} of {pack}"
            duty, clause = notes.get("duty") or name, notes.get("clause") or ""
            duties.append(Duty(name, pack, cedar, duty, clause, notes.get("owner") or "", timedelta(), ""))
    return Rules(shapes, tuple(policies), tuple(duties), compile_schema_json(schema_json(shapes)))


def _texts(path: Path) -> list[Json]:
    return policies_of(path.read_text("utf-8")) if path.is_file() else []
