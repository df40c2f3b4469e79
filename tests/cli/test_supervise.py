"""`counterseal supervise` and `finding` through the command line: every command once, exit codes and JSON."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from calling import Run, run_plain
from django.db import connection

from counterseal.gateway.draw_sample import draw_sample, open_period
from counterseal.oversight.models import SamplePeriod
from office import open_copy

LINES = (
    "purpose", "own-case", "means", "photograph", "edits", "circumstances", "candidates", "report",
)  # fmt: skip


def answers(*no: str) -> list[str]:
    """A worksheet with every line answered yes, but these."""
    given = []
    for line in LINES:
        given += ["--answer", f"{line}={'no' if line in no else 'yes'}"]
        given += ["--why", f"{line}=the file says otherwise"] if line in no else []
    return given


def searched_home(office_template: Path, folder: Path) -> tuple[Path, str, str]:
    """An installation with a drawn period and two searches under review: home, and the searches' ids."""
    home = folder / "searched"
    with open_copy(office_template, home) as office:
        period = open_period(office.office, until=office.clock.now + timedelta(hours=2), by=office.who("sol"))
        assert isinstance(period, SamplePeriod)
        first = office.searched().request.id
        second = office.searched(purpose=office.another_reason(), why_again="a sharper still came").request.id
        office.clock.forward(hours=3)
        draw_sample(office.office, period_id=period.id, by=office.who("sol"))
    connection.close()
    return home, first, second


def test_a_review_with_a_finding_referral_and_answer(office_template: Path, tmp_path: Path) -> None:
    """The supervisor's morning, and professional responsibility's answer."""
    there, first, second = searched_home(office_template, tmp_path)

    def ran(*words: object, code: int = 0) -> dict[str, Any]:
        done = run_plain(*words, "--json", "--home", there)
        assert done.code == code, (words, done.out, done.err)
        return done.json

    assert ran("supervise", "worksheet")["share"] == "1/10"
    waiting = ran("supervise", "queue")
    assert {first, second} >= {s["search"] for s in waiting["searches"]}
    assert second in {s["search"] for s in waiting["searches"]}
    drawn = ran("supervise", "periods")["periods"][0]
    assert ran("supervise", "verify-sample", drawn["drawn_index"])["wrong"] == []
    ran("supervise", "verify-sample", 0, code=2)
    ran("supervise", "draw", drawn["id"], code=2)  # it was drawn already
    assert ran("supervise", "awaiting")["requests"] == []
    assert "same-photograph" in ran("supervise", "search", second)["because"]

    ran("supervise", "review", second, "--conclusion", "in-order", code=2)
    refused = ran(
        "supervise", "review", second, "--conclusion", "in-order", *answers(), "--as", "ines", code=1
    )
    assert refused["unmet"][0]["clause"] == "HSI-M/4E4-supervisor-review"
    done = ran("supervise", "review", second, "--conclusion", "finding", *answers("means"))
    assert done["conclusion"] == "finding"
    (found,) = ran("finding", "list", "--kind", "review-means")["findings"]
    ran("finding", "refer", found["id"], "--reason", "no such records check was made")
    (referral,) = ran("finding", "referrals")["referrals"]
    ran("finding", "dismiss", found["id"], "--reason", "it was nothing", code=2)
    ran("finding", "answer", referral["id"], "acted-on", "--words", "retrained, and the case reopened")
    assert ran("finding", "list", "--kind", "review-means")["findings"] == []
    assert ran("finding", "list", "--kind", "review-means", "--all")["count"] == 1

    assert ran("supervise", "overdue")["count"] == 0
    assert ran("supervise", "completion", "--since", "2020-01-01", "--until", "2099-01-01")["due"] == len(
        waiting["searches"]
    )
    assert ran("supervise", "approvals", "--approver", "sol")["approvers"] == []
    assert any(k["kind"] == "review-..." for k in ran("finding", "kinds")["kinds"])
    ran("fsck")


def test_periods_and_findings_on_a_fresh_installation(run: Run) -> None:
    """A period begins now at the earliest; an unknown finding is bad input."""
    assert run("supervise", "period", "--until", "2020-01-01", "--json").code == 2
    opened = run("supervise", "period", "--until", "2099-01-01", "--json")
    assert (opened.code, opened.json["status"]) == (0, "open")
    assert run("supervise", "draw", opened.json["id"], "--json").code == 2
    assert run("supervise", "period", "--until", "2099-06-01", "--since", "2098-01-01", "--json").code == 2
    assert run("finding", "dismiss", "finding-x", "--reason", "because", "--json").code == 2
    assert run("finding", "act", "finding-x", "--done", " ", "--json").code == 2
