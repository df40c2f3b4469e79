"""`counterseal evaluate run` and `evaluate demo`: run a planned test, judge it, report it, conclude it."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from counterseal.cli.command import Bench, command
from counterseal.cli.commands.evaluate_plan import RECEIPT
from counterseal.cli.outcome import Outcome, refused
from counterseal.cli.parsing import FILE, INSTANT, new_folder
from counterseal.cli.voice import Voice
from counterseal.connectors.under_test import EngineUnderTest, under_test
from counterseal.evaluation.protocol import CorpusCard, Plan
from counterseal.gateway.measure_test import judge_test, measure_test
from counterseal.gateway.run_test import Run, planned, run_test
from counterseal.gateway.testing.folder import CORPUS, PLAN, began_at, read_json, write_json, write_whole
from counterseal.gateway.testing.given import Given, take_scores
from counterseal.policy import PolicyLibrary, load_policies
from counterseal.shipped import shipped
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, UnavailableError
from counterseal.terms.testing import Kind

HOW_TO = "docs/how-to/test-a-service.md"
SOURCES = "give --images with --manifest, or --scores with --format; neither to measure again what lies in the folder"

UNSEALED = "This run sealed nothing, and no service goes by it: that takes a sealed plan and `--service`."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is made on; nothing, to measure again what lies in the folder. pdf: print the report too."""

    images: Path | None = None
    manifest: Path | None = None
    engine: Path | None = None
    scores: Path | None = None
    format: str = ""
    direction: str = ""
    groups: Path | None = None
    mated: Path | None = None
    began: datetime | None = None
    pdf: bool = True


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that ran and was judged. ran: None where scores were given or measured again. reports: name -> SHA-256.
    no_pdf: why there is none though one was asked for."""

    folder: Path
    plan: Plan
    result: Mapping[str, Any]
    verdict: Mapping[str, Any]
    reports: Mapping[str, str]
    began: datetime
    ran: Run | None
    no_pdf: str | None


def register(group: click.Group) -> None:
    """Add `run` and `demo` to the group of evaluation commands."""

    @command(group, "run", opens=False)
    @click.argument("folder", metavar="DIR", type=FILE)
    @click.option("--images", type=FILE, help="The folder of images.")
    @click.option("--manifest", type=FILE, help=f"Who is in which image, as CSV: see {HOW_TO}.")
    @click.option(
        "--engine",
        type=FILE,
        help="Folder of an engine of your own; else the service's, or the embedded one.",
    )
    @click.option("--scores", type=FILE, help="Scores that were made elsewhere, instead of images.")
    @click.option("--format", "form", default="", help="How they lie in the file, as in `evaluate SCORES`.")
    @click.option("--similarity", "direction", flag_value="similarity", help="A higher score is more alike.")
    @click.option("--distance", "direction", flag_value="dissimilarity", help="A higher score is less alike.")
    @click.option("--groups", type=FILE, help="Who is of which group, where the scores do not say it.")
    @click.option("--mated-file", type=FILE, help="The second file that some formats have.")
    @click.option("--began", type=INSTANT, help="When whoever made the scores began; with --scores.")
    @click.option("--service", help="Conclude the test of this service (id or name) under its sealed plan.")
    @click.option(
        "--as", "who", metavar="PERSON", default="", envvar="COUNTERSEAL_AS", help="Who concludes the test."
    )
    @click.option("--pdf/--no-pdf", default=True, show_default=True, help="Also print the full report.")
    def run(
        bench: Bench,
        *,
        folder: Path,
        images: Path | None,
        manifest: Path | None,
        engine: Path | None,
        scores: Path | None,
        form: str,
        direction: str | None,
        groups: Path | None,
        mated_file: Path | None,
        began: datetime | None,
        service: str | None,
        who: str,
        pdf: bool,
    ) -> Outcome:
        """Run the test that is planned in DIR: compare every pair, measure, judge each goal, write the report.

        With neither images nor scores it measures again what an earlier run left in DIR, and gives the same result.
        A run that was stopped goes on where it was. With --service the verdict is sealed, and the service goes by
        it from then on. See docs/how-to/test-a-service.md.
        """
        asked = Asked(images, manifest, engine, scores, form, direction or "", groups, mated_file, began, pdf)
        if service is None:
            outcome = told(tested(folder, asked, bench.voice, at=datetime.now(UTC)))
            return replace(outcome, then=(*outcome.then, UNSEALED))
        return _concluded(bench, folder, asked, service, who)

    @command(group, "demo", opens=False)
    @click.argument("folder", metavar="DIR", type=FILE)
    @click.option(
        "--service",
        help="Seal the plan and conclude the test of this service, in an installation for evaluation.",
    )
    @click.option("--as", "who", metavar="PERSON", default="", envvar="COUNTERSEAL_AS", help="Who tests it.")
    @click.option("--pdf/--no-pdf", default=True, show_default=True, help="Also print the full report.")
    def demo(bench: Bench, *, folder: Path, service: str | None, who: str, pdf: bool) -> Outcome:
        """Make a test of synthetic people in the new folder DIR and run it: images, plan, run, verdict, report.

        Needs nothing from outside. Nobody in it exists; two differences between its synthetic groups are planted,
        and the test fails. With --service the service is switched off by it, as after a test in earnest.
        """
        if service is None:
            asked = _demonstration(folder, bench.voice, "demonstration", "1", pdf=pdf)
            outcome = told(tested(folder, asked, bench.voice, at=datetime.now(UTC)))
            more = (
                UNSEALED,
                f"Measured again from what is stored, with the same result: counterseal evaluate run {folder}",
                f"How to test a service of your own, under a sealed plan: {HOW_TO}",
            )
            return replace(outcome, then=(*outcome.then, *more))
        return _demonstrated(bench, folder, service, who, pdf=pdf)


def tested(
    folder: Path,
    asked: Asked,
    voice: Voice,
    *,
    at: datetime,
    engine: Mapping[str, Any] | None = None,
    packs: PolicyLibrary | None = None,
) -> Tested:
    """Run what was asked in the folder of a planned test, measure it, judge it, write its report.

    at: now. engine: what its service.toml says; None for the embedded one. packs: say how long a test counts; those
    that come with the program where there is no installation.
    """
    # Only now: a command that draws nothing need not load this.
    from counterseal.evaluation.report import build_report, read_documents

    plan = planned(folder)
    ran = None
    if asked.scores is not None:
        if asked.images or asked.manifest or not asked.format:
            raise BadInputError(SOURCES)
        given = Given(asked.scores, asked.format, asked.direction, asked.groups, asked.mated)
        take_scores(folder, plan, given, at=asked.began or at)
    elif asked.images or asked.manifest:
        if not asked.images or not asked.manifest:
            raise BadInputError(SOURCES)
        ran = run_test(
            folder,
            plan,
            _engine(asked, engine or {}, voice),
            images=asked.images,
            manifest=asked.manifest,
            at=at,
            progress=voice.progress,
        )
    with voice.progress("measuring", None):
        result = measure_test(folder, plan)
        began = began_at(folder)
        counts_until = (packs or load_policies(shipped("policies"))).counts_until(Kind.DIRECT, began, at)
        verdict = judge_test(folder, plan, result, expires=counts_until.date())
    with voice.progress("writing the report", None):
        made = build_report(read_documents(folder), pdf=asked.pdf)
        for name, data in made.files.items():
            write_whole(folder / name, data)
        if "report.pdf" not in made.files:
            (folder / "report.pdf").unlink(missing_ok=True)  # one from before would tell other numbers
    reports = {name: hashlib.sha256(data).hexdigest() for name, data in made.files.items()}
    return Tested(folder, plan, result, verdict, reports, began, ran, made.no_pdf)


def told(test: Tested, **more: object) -> Outcome:
    """The outcome of a test: what it came to, the verdict on each goal, where the report is."""
    overall = test.verdict["overall"]
    data: dict[str, Any] = {
        "overall": overall,
        "folder": str(test.folder),
        "plan_sha256": test.verdict["plan_sha256"],
        "result_sha256": test.verdict["result_sha256"],
        "expires": test.verdict["expires"],
        "n_mated": test.result["n_mated"],
        "n_non_mated": test.result["n_non_mated"],
        "goals": [_goal(verdict) for verdict in test.verdict["verdicts"]],
        "warnings": list(test.result["warnings"]),
        "no_pdf": test.no_pdf,
        **more,
    }
    if test.ran is not None:
        data |= {
            "images": test.ran.images,
            "people": test.ran.people,
            "not_acquired": dict(test.ran.not_acquired),
            "not_enrolled": dict(test.ran.not_enrolled),
        }
    says = {
        "pass": "The test is passed.",
        "fail": "THE TEST FAILED.",
        "not shown": "NOT SHOWN, which is no pass.",
    }
    then = [f"The report: {test.folder / 'report.html'}; for the public: {test.folder / 'public.html'}."]
    if test.no_pdf:
        then.append(f"There is no report.pdf: {test.no_pdf}.")
    return Outcome(
        data,
        headline=says[overall],
        tables={"goals": ("goal", "verdict", "measured", "interval", "limit", "why")},
        hidden=("no_pdf", "folder"),
        then=tuple(then),
    )


def _goal(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict as a table shows it: the group whose number decided, counts first."""
    counts, interval = verdict["counts"], verdict["interval"]
    value = "nothing" if verdict["measured"] is None else f"{verdict['measured']:.4g}"
    return {
        "goal": verdict["goal"] + (f" ({verdict['group']})" if verdict["group"] else ""),
        "verdict": verdict["verdict"],
        "measured": f"{counts['errors']}/{counts['trials']} = {value}" if counts else value,
        "interval": "-"
        if interval is None
        else " to ".join("?" if e is None else f"{e:.4g}" for e in interval),
        "limit": f"{verdict['limit']['at_most']:g}",
        "why": verdict["why"],
    }


def _engine(asked: Asked, config: Mapping[str, Any], voice: Voice) -> EngineUnderTest:
    with voice.progress("loading the engine", None):
        return under_test({"engine": str(asked.engine)} if asked.engine else config)


def _concluded(bench: Bench, folder: Path, asked: Asked, which: str, who: str) -> Outcome:
    """Run under the sealed plan, and seal what came of it."""
    # Only now: an installation's parts take a second to load.
    from counterseal.cli.desk import opened
    from counterseal.cli.views import view
    from counterseal.gateway.conclude_test import conclude_test
    from counterseal.oversight.models import Service

    with opened(bench.home, bench.voice, acting=who, default="rue") as desk:
        service = Service.objects.get(pk=desk.service(which))
        by = desk.by
        plan_id = _sealed_plan(planned(folder), service)
        if asked.scores is not None and asked.began is None:
            raise BadInputError(
                "say when whoever made the scores began (`--began`): a run begins after its plan was sealed"
            )
        engine = None if asked.engine or not asked.images else _service_engine(desk.office.home, service)
        test = tested(
            folder, asked, bench.voice, at=desk.office.clock(), engine=engine, packs=desk.office.policies
        )
        card = CorpusCard.from_json(read_json(folder / CORPUS, "")) if test.plan.corpus else None
        row = conclude_test(
            desk.office,
            plan_id=plan_id,
            result=test.result,
            began_at=test.began,
            by=by,
            reports=test.reports,
            corpus=card,
            verdict=test.verdict,
        )
        if isinstance(row, Refusal):
            return refused(row)
        outcome = told(test, recorded=view(row))
        sealed = f"Sealed as {row.id}: the service goes by it from the next decision on."
        return replace(outcome, hidden=(*outcome.hidden, "recorded"), then=(*outcome.then, sealed))


def _sealed_plan(plan: Plan, service: Any) -> str:
    """The id of the sealed plan that this test is run under.

    Raises:
        BadInputError: the plan is of another service or version, is not sealed, or was concluded already.
    """
    from counterseal.oversight.models import ServiceTestPlan

    for name, said, registered in (
        ("service", plan.system.service, service.id),
        ("version", plan.system.version, service.version),
    ):
        if said != registered:
            raise BadInputError(
                f"the plan is for the {name} `{said}`, and on the register it is `{registered}`: a test is of one"
                " version of one service; seal a plan for this one in a new folder (`counterseal evaluate plan`)"
            )
    rows = ServiceTestPlan.objects.filter(service=service, sha256=plan.digest()).order_by("entry_index")
    open_plans = [row for row in rows if row.status == "planned"]
    if open_plans:
        return str(open_plans[-1].id)
    if rows:
        raise BadInputError(
            f"the test under this plan ({rows[0].id}) was concluded already; leave out --service to measure it again,"
            " or seal another plan in a new folder"
        )
    raise BadInputError(
        f"the plan in plan.json ({plan.digest()[:16]}…) was never sealed for this service: seal it before the run"
        " (`counterseal evaluate plan`); what was seen cannot be planned for"
    )


def _service_engine(home: Path, service: Any) -> dict[str, Any]:
    """What the service's folder says of its engine.

    Raises:
        BadInputError: it runs elsewhere, so that images can't be compared here.
    """
    file = home / "services" / service.connector / "service.toml"
    try:
        config = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"`{file}` cannot be read: {error}") from error
    if config.get("backend") != "embedded":
        raise BadInputError(
            f"`{service.name}` runs outside this installation (`{config.get('backend')}`): have the comparisons made"
            " there and bring the scores (`--scores`)"
        )
    return config


def _demonstration(folder: Path, voice: Voice, service: str, version: str, *, pdf: bool) -> Asked:
    """Make images, manifest, corpus card and plan in a new folder; answers with what the test is to be run on."""
    try:
        from counterseal.cli.demo import synthetic_test
    except ImportError as error:
        raise UnavailableError(
            f"the synthetic people cannot be made ({error}): install `counterseal[demo]`"
        ) from error
    new_folder(folder, "the demonstration")
    engine = _engine(Asked(), {}, voice)
    text = synthetic_test.plan_text(
        service=service, engine_id=engine.engine_id, model_sha256=engine.model_sha256, version=version
    )
    with voice.progress("making images of synthetic people", synthetic_test.IMAGES) as advance:
        made = synthetic_test.make_test_set(folder, plan=text, advance=advance)
    card = CorpusCard.from_toml(made.corpus.read_text())
    write_json(folder / CORPUS, card.as_json())
    write_json(folder / PLAN, replace(Plan.from_toml(text), corpus=card.digest()).as_json())
    return Asked(images=made.images, manifest=made.manifest, pdf=pdf)


def _demonstrated(bench: Bench, folder: Path, which: str, who: str, *, pdf: bool) -> Outcome:
    """The whole road with a service of an evaluation: sealed plan, run, sealed verdict."""
    from counterseal.cli.desk import opened
    from counterseal.gateway.plan_test import plan_test
    from counterseal.oversight.models import Service

    with opened(bench.home, bench.voice, acting=who, default="rue") as desk:
        if not desk.evaluation:
            raise BadInputError(
                "a test on synthetic people says nothing of a service in use: only an installation for evaluation can"
                f" seal one; see {HOW_TO}"
            )
        service = Service.objects.get(pk=desk.service(which))
        asked = _demonstration(folder, bench.voice, service.id, service.version, pdf=pdf)
        frozen = plan_test(desk.office, service_id=service.id, plan=planned(folder), by=desk.by)
        if isinstance(frozen, Refusal):
            return refused(frozen)
        write_whole(folder / RECEIPT, frozen.receipt)
    return _concluded(bench, folder, asked, service.id, who)
