"""A service fails its test, and the next search is refused: plan, run, verdict, switch, over synthetic people.

Nothing is mocked: the embedded engine compares the synthetic people under a plan that was sealed before, and the
searches are decided by the packs in force.
"""

import csv
import hashlib
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterseal.cli.demo.synthetic_people import blurred_still, people
from counterseal.connectors.under_test import under_test
from counterseal.evaluation.protocol import Plan
from counterseal.evaluation.report import build_report, read_documents
from counterseal.gateway.conclude_test import conclude_test, expires
from counterseal.gateway.measure_test import judge_test, measure_test
from counterseal.gateway.plan_test import plan_test
from counterseal.gateway.register_service import report_version
from counterseal.gateway.run_test import run_test
from counterseal.gateway.search import Answered
from counterseal.gateway.testing.folder import PLAN, write_json
from counterseal.oversight.models import Service, ServiceTest
from office import SimulatedOffice, made

PEOPLE, PROBES, BLURRED = 8, 2, 6
ACQUIRED = ("fta", "at most {} percent of photographs cannot be used", "overall", "")
MISSED = (
    "fnmr",
    "in each series at most {} percent are missed",
    "each-group",
    'grouping = "series"\nat_fmr = 0.1\n',
)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """Eight people with a reference and two probes each, and six probes that nothing can be acquired of."""
    folder = tmp_path_factory.mktemp("set") / "images"
    folder.mkdir()
    rows = [("image", "subject", "role", "series")]

    def add(name: str, subject: int, role: str, data: bytes) -> None:
        (folder / name).write_bytes(data)
        rows.append((name, str(subject), role, "odd" if subject % 2 else "even"))

    for person in people(PEOPLE):
        for n in range(1 + PROBES):
            add(
                f"{person.number}-{n}.jpg", person.number, "probe" if n else "reference", person.photograph(n)
            )
    for person in people(BLURRED):
        add(f"{person.number}-blurred.jpg", person.number, "probe", blurred_still(person))
    with (folder.parent / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def plan_for(service: Service, *, acquired: int, missed: int) -> Plan:
    """A plan for searches; the limits in percent decide what the test comes to."""
    tested = under_test({})
    goals = "".join(
        f'[[goals]]\nid = "{measure}"\nmeasure = "{measure}"\nsays = "{says.format(limit)}"\nscope = "{scope}"\n'
        f'limit = {{ at_most = {limit}, unit = "percent" }}\n{more}'
        for (measure, says, scope, more), limit in ((ACQUIRED, acquired), (MISSED, missed))
    )
    return Plan.from_toml(f'''
title = "The embedded engine on synthetic people"
kind = "direct"
mode = "identification"
use_case = "a story"
who_may_rely = "nobody: the people are synthetic"
tester = "the tests"
independence = "none"
standard = "measures after ISO/IEC 19795-1"
fmr_targets = [0.2, 0.1, 0.05]
operating_fmr = 0.1
non_mated_rule = "all"
list_length = 5
database_size = {PEOPLE}
confidence = 0.95
bootstrap = 200
seed = 1

[system]
service = "{service.id}"
engine_id = "{tested.engine_id}"
version = "{service.version}"
model_sha256 = "{tested.model_sha256}"

[smallest_group]
subjects = 4

[[groupings]]
name = "series"
how = "synthetic"
labels = ["odd", "even"]

[[goals]]
id = "seen"
says = "In at most half of all searches the person is not on the list"
measure = "miss-rate"
scope = "overall"
limit = {{ at_most = 50, unit = "percent" }}

{goals}''')


@contextmanager
def silent(label: str, total: int):
    yield lambda done: None


def concluded(office: SimulatedOffice, images: Path, folder: Path, **limits: int) -> ServiceTest:
    """A whole test by the book: sealed plan, run, measured, judged, reported, concluded."""
    service = Service.objects.get(pk=office.agency.service_id)
    plan = plan_for(service, **limits)
    frozen = made(plan_test(office.office, service_id=service.id, plan=plan, by=office.who("rue")))
    folder.mkdir()
    write_json(folder / PLAN, plan.as_json())
    began = office.clock()
    run_test(
        folder,
        plan,
        under_test({}),
        images=images,
        manifest=images.parent / "manifest.csv",
        at=began,
        progress=silent,
    )
    result = measure_test(folder, plan)
    due = expires(office.office, began, at=office.clock())
    verdict = judge_test(folder, plan, result, expires=due)
    report = build_report(read_documents(folder), pdf=False).files
    return made(
        conclude_test(
            office.office,
            plan_id=frozen.row.id,
            result=result,
            began_at=began,
            by=office.who("rue"),
            reports={name: hashlib.sha256(data).hexdigest() for name, data in report.items()},
            verdict=verdict,
        )
    )


def asked(office: SimulatedOffice):
    """A request that lacks nothing."""
    case = office.case()
    return made(
        office.request(
            case, office.probe(case), purpose=office.another_reason(), why_again="the standing of the service"
        )
    )


class TestFailed:
    def test_the_next_search_is_refused_and_names_the_report(self, office, images, tmp_path):
        """D-026-11/testing: what failed its test is not used, whatever a supplied report says of it."""
        assert isinstance(office.search(asked(office)), Answered), "a supplied report carries the use so far"
        waiting = asked(office)
        test = concluded(office, images, tmp_path / "test", acquired=1, missed=90)
        calls = office.local["embedded"].calls

        refusal = office.sealed_refusal(office.search(waiting), "search.refused", "D-026-11/testing")

        assert test.outcome == "failed"
        assert ("test.concluded", "failed") in [(e.kind, e.outcome) for e in office.entries()]
        assert "failed its test" in refusal.unmet[0].missing
        assert test.id in refusal.unmet[0].remedy and test.report_sha256 in refusal.unmet[0].remedy
        report = build_report(read_documents(tmp_path / "test"), pdf=False).files["report.html"]
        assert hashlib.sha256(report).hexdigest() == test.report_sha256
        assert office.local["embedded"].calls == calls, "the service was not asked"
        assert office.fsck().sound

    def test_the_failure_is_of_what_was_measured(self, office, images, tmp_path):
        """Six of 22 photographs could not be used: counted, by its code, in result and verdict."""
        concluded(office, images, tmp_path / "test", acquired=1, missed=90)
        documents = read_documents(tmp_path / "test")
        assert documents.verdict is not None
        judged = {v["goal"]: (v["verdict"], v["counts"]) for v in documents.verdict["verdicts"]}

        assert judged["fta"] == ("fail", {"errors": BLURRED, "trials": PEOPLE * PROBES + BLURRED})
        assert judged["seen"] == ("pass", {"errors": 0, "trials": PEOPLE * PROBES})
        assert sum(documents.result["failures"]["by_reason"].values()) == BLURRED
        assert documents.result["identification"]["database_size"] == PEOPLE
        assert documents.faults == ()


class TestNotShown:
    def test_not_shown_refuses_as_well(self, office, images, tmp_path):
        """Eight comparisons without an error do not show a rate under five percent."""
        waiting = asked(office)
        test = concluded(office, images, tmp_path / "test", acquired=90, missed=5)

        refusal = office.sealed_refusal(office.search(waiting), "search.refused", "D-026-11/testing")

        assert test.outcome == "not-shown"
        assert "did not show" in refusal.unmet[0].missing
        assert test.id in refusal.unmet[0].remedy


class TestPassed:
    def test_a_passed_test_carries_until_the_version_changes(self, office, images, tmp_path):
        """What was tested was one version: a report of another one suspends the approval and ends the test."""
        test = concluded(office, images, tmp_path / "test", acquired=90, missed=90)
        assert test.outcome == "passed"
        assert isinstance(office.search(asked(office)), Answered)
        waiting = asked(office)
        made(
            report_version(
                office.office, service_id=office.agency.service_id, version="2", by=office.who("reg")
            )
        )

        refusal = office.search(waiting)

        clauses = ("HSI-M/4C1-approved", "D-026-11/testing", "D-026-11/oversight")
        office.sealed_refusal(refusal, "search.refused", *clauses)
        assert any("another version" in u.missing for u in refusal.unmet)
        assert Service.objects.get(pk=office.agency.service_id).status == "suspended"

    def test_it_counts_for_three_calendar_years(self, office, images, tmp_path):
        """The day is sealed with the test; a later one needs another."""
        test = concluded(office, images, tmp_path / "test", acquired=90, missed=90)

        began = test.tested_at
        assert (test.due.year, test.due.month) == (began.year + 3, began.month)
