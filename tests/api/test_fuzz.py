"""Whatever comes in: no fault, and every answer is one that the document declares. Clients of several roles."""

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import ParameterLocation

from checkpoint import Gate
from counterseal import bootstrap  # noqa: F401 - settings first
from counterseal.api.application import Application
from counterseal.api.openapi import document
from counterseal.gateway.opt_out import register_choice
from counterseal.gateway.review import open_review
from interface import Interface
from office import made, open_copy

EXAMPLES = 12
STAFF = ("exa", "ines", "sol", "rue", "reg", "pat", "gail", "dis", "arc", "aud")
# What a schema cannot say (an id that is there, a day that is to come, a role) is answered with these.
FITTING = [200, 201, 304, 400, 401, 403, 404, 409, 422, 429, 503]


class Fuzzed:
    """One office with something of everything, its interface, and a token of each member of staff."""

    def __init__(self, interface: Interface) -> None:
        self.interface, sim = interface, interface.sim
        self.seen: defaultdict[str, set[int]] = defaultdict(set)
        answered = sim.searched(limit=3)
        gate = Gate(sim)
        case = sim.case()
        probe = made(sim.probe(case))
        asked = made(sim.request(case, probe, purpose=sim.another_reason(), why_again="asked once more"))
        self.paths = {
            "service_id": [sim.agency.service_id],
            "use_id": [sim.agency.use_id, gate.use_id],
            "request_id": [answered.request.id, asked.id],
            "list_id": [answered.candidate_list.id],
            "rest": ["0/000.p/9", "entries/000.p/5", "0/000.p/255", "entries/x000/001"],
        }
        # Members of bodies that name something, or a day, with what fits.
        self.members: dict[str, list[Any]] = {
            "use": self.paths["use_id"],
            "service": self.paths["service_id"],
            "case": [case.id],
            "probe": [probe.id],
            "owner": [sim.who("sol")],
            "about": [case.id, "other"],
            "due": ["2031-01-01T00:00:00Z"],
            "expires": ["2031-01-01T00:00:00Z", None],
            "until": ["2031-01-01T00:00:00Z", "2026-02-01T00:00:00Z"],
            "since": ["2026-01-01T00:00:00Z"],
            "mode": ["identification"],
            "second_probe": [""],
            "on_behalf_of": [""],
            "claimed_reference": [""],
            "said": ["nothing", "no"],
            "log": ["request,time,user\n"],
            "references": [[], [{"kind": "document", "reference": "P1234567"}]],
            "reference": [gate.reference(3), "P1234567", ""],
            "kind": ["booking", "litigation", "witness", ""],
            "contents": [["lead"]],
            "judgement": ["excluded", "potential-lead"],
            "only_modes": [[]],
            "only_case_types": [[]],
            "only_services": [[]],
            "modes": [["identification"]],
            "entry": [len(sim.entries())],
            "code": [register_choice(sim.office).code],
        }
        sheet = made(open_review(sim.office, list_id=answered.candidate_list.id, by=sim.who("exa")))
        self.paths["review_id"] = [sheet.review_id]
        self.members["candidate"] = [candidate for candidate, _ in sheet.items]
        self.paths["name"] = ["probe", *self.members["candidate"]]
        self.clients = {short: interface.client(short) for short in STAFF}
        self.tokens: dict[str, str] = {}

    def sign_in(self) -> None:
        """New tokens for everybody: a token is good for 15 minutes."""
        self.tokens = {short: self.interface.token_of(client) for short, client in self.clients.items()}

    def headers(self, short: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[short]}"} if short else {}


def with_real(body: dict[str, Any], members: dict[str, list[Any]], chosen: random.Random) -> dict[str, Any]:
    """The body with what is really there in the place of what only looks like it."""
    return {
        name: chosen.choice(members[name])
        if name in members and chosen.random() < 0.9
        else with_real(value, members, chosen)
        if isinstance(value, dict)
        else value
        for name, value in body.items()
    }


@pytest.fixture(scope="module")
def fuzzed(office_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with open_copy(office_template, tmp_path_factory.mktemp("fuzzed") / "home") as sim:
        application = Application(sim.office)
        yield Fuzzed(Interface(sim, application))
        application.close()


@pytest.fixture(scope="module")
def described(fuzzed: Fuzzed) -> Any:
    config = schemathesis.Config.from_dict(
        {"checks": {"positive_data_acceptance": {"expected-statuses": FITTING}}}
    )
    schema = schemathesis.openapi.from_dict(document(), config=config)
    schema.app = fuzzed.interface.application
    return schema


OPERATIONS = [
    f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods
]
load_all_checks()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_a_declared_one(label: str, described: Any, fuzzed: Fuzzed) -> None:
    """No fault, declared statuses, bodies that fit their schemas, and nothing that needs a token without one."""
    method, path = label.split(" ", 1)
    fuzzed.sign_in()
    operation = described[path][method]
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    unfit = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(fitting, unfit), chosen=st.randoms(use_true_random=False))
    def answered(case: Any, chosen: random.Random) -> None:
        # What was made unfit stays unfit: the checks rely on it.
        unfit_parts = {
            part for part, info in case.meta.components.items() if info.mode is GenerationMode.NEGATIVE
        }
        for name in case.path_parameters or {} if ParameterLocation.PATH not in unfit_parts else {}:
            if name in fuzzed.paths and chosen.random() < 0.8:
                case.path_parameters[name] = chosen.choice(fuzzed.paths[name])
        if (
            isinstance(case.body, dict)
            and ParameterLocation.BODY not in unfit_parts
            and chosen.random() < 0.8
        ):
            case.body = with_real(case.body, fuzzed.members, chosen)
        keyed = case.headers is not None and "Idempotency-Key" in case.headers
        if keyed and ParameterLocation.HEADER not in unfit_parts and chosen.random() < 0.8:
            case.headers["Idempotency-Key"] = f"{chosen.getrandbits(64):016x}"
        fuzzed.interface.sim.clock.forward(seconds=0.5 if operation.definition.raw["security"] else 5)
        response = case.call_and_validate(headers=fuzzed.headers(chosen.choice([*fuzzed.tokens, ""])))
        fuzzed.seen[label].add(response.status_code)

    answered()


def test_the_fuzzing_got_somewhere(fuzzed: Fuzzed) -> None:
    """Answers that were nothing but 401 or 422 would have proved little."""
    if len(fuzzed.seen) < len(OPERATIONS):
        pytest.skip("only part of the operations ran")
    done = {label for label, statuses in fuzzed.seen.items() if statuses & {200, 201, 304}}
    refused = {label for label, statuses in fuzzed.seen.items() if 403 in statuses}
    assert len(done) >= 25, sorted(set(OPERATIONS) - done)
    assert len(refused) >= 10
    assert not any(500 in statuses for statuses in fuzzed.seen.values())
