"""The sections A to M of the full report, from the documents of one test.

Every section is always there: where nothing was tested or told, it says so. The order of the letters is that of
the checklist in docs/how-to/read-a-test-report.md; the verdict's summary stands before A.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from counterseal.evaluation.report import measured, plots
from counterseal.evaluation.report.blocks import (
    Block,
    Facts,
    Figure,
    Heading,
    Listed,
    Note,
    Section,
    Table,
    facts,
    rates,
    said,
)
from counterseal.evaluation.report.challenges import attacks, robustness
from counterseal.evaluation.report.differences import differences
from counterseal.evaluation.report.documents import RECEIPT, Documents
from counterseal.evaluation.report.measured import Measured, target
from counterseal.evaluation.report.searches import searches
from counterseal.evaluation.report.text import at, between, count, number, plain

Row = Mapping[str, Any]

RULE_OF_30 = (
    "“Fewer than 30 errors” marks a rate whose count is too small for the rule of 30: with 30 errors in independent "
    "trials the true rate lies within 30 in 100 of the observed one, nine times in ten. With no error in n independent "
    "trials the rate may still be up to about 3/n (rule of 3)."
)


def sections(d: Documents) -> list[Section]:
    """All of them, in order."""
    parts = (
        ("A", "What was tested", _identity),
        ("B", "Images and people", _corpus),
        ("C", "Groups", _groups),
        ("D", "Counts and rates", _counts),
        ("E", "Thresholds", _thresholds),
        ("F", "Error trade-off", _trade_off),
        ("G", "Differences between groups", differences),
        ("H", "Quality and robustness", robustness),
        ("I", "Presentation attacks", attacks),
        ("J", "People who look at candidates", _people),
        ("K", "Time and size", _throughput),
        ("L", "Verdict", _verdict),
        ("M", "Disclosure", _disclosure),
    )
    return [Section(letter, title, tuple(part(d))) for letter, title, part in parts]


def _identity(d: Documents) -> Iterator[Block]:
    plan, system = d.plan or {}, (d.plan or {}).get("system") or {}
    if d.plan is None:
        yield Note("No plan lies in this folder: nothing was fixed before the scores were seen.", "warning")
    yield facts(
        [
            ("Title", plan.get("title")),
            ("Service", system.get("service")),
            ("Engine", system.get("engine_id")),
            ("Version", system.get("version")),
            ("SHA-256 of the model", system.get("model_sha256")),
            ("Kind of evidence", plan.get("kind")),
            ("Task", plan.get("mode")),
            ("Use", plan.get("use_case")),
            ("Who may rely on it", plan.get("who_may_rely")),
            ("Tester", plan.get("tester")),
            ("Independence of the tester", plan.get("independence")),
            ("Standard followed", plan.get("standard")),
            ("Entries in the reference database (N)", plan.get("database_size")),
            ("Length of the candidate list (R)", plan.get("list_length")),
            ("SHA-256 of the plan", d.plan_digest),
        ]
    )
    if d.plan is not None and RECEIPT in d.digests:
        yield Note(
            f"The receipt {RECEIPT} beside this report names the entry of the log in which this plan was sealed; its "
            "place and time show whether that was before the scores were seen."
        )
    elif d.plan is not None:
        yield Note(
            "No receipt of a log lies in this folder: nothing here shows that the plan is older than the scores.",
            "warning",
        )
    if plan.get("mode") != "identification":
        yield Note(
            "Rates of comparing two pictures do not carry over to searches among many people, where a false candidate "
            "becomes more frequent as the reference database grows."
        )


def _corpus(d: Documents) -> Iterator[Block]:
    if d.corpus is None:
        yield Note(
            "Not told: no corpus card lies in this folder. Nobody can say whom these rates speak of.",
            "warning",
        )
        return
    lapse = d.corpus.get("time_lapse_days")
    told = {k: v for k, v in d.corpus.items() if k != "time_lapse_days"}
    names = {"eye_distance": "Distance between the eyes", "ground_truth": "How it is known who is who"}
    names |= {"label_errors": "Known errors of the labels", "training_overlap": "Overlap with training data"}
    rows = [(names.get(k, plain(k).replace("_", " ").capitalize()), v) for k, v in told.items()]
    between_them = None
    if lapse:
        between_them = (
            f"median {number(lapse['median'])}, quartiles {number(lapse['q1'])} and {number(lapse['q3'])}"
        )
    yield facts([*rows, ("Days between two pictures of one person", between_them)])
    if d.counted:
        yield from _measured_images(d.counted)


def _measured_images(counted: Row) -> Iterator[Block]:
    """What the run measured on the images, beside what the corpus card says."""
    sizes = counted.get("image_size") or {}
    spreads = {
        "width (px)": sizes.get("width"),
        "height (px)": sizes.get("height"),
        "distance between the eyes (px)": counted.get("eye_distance"),
    }
    yield Table(
        "Measured on the images of which a sample was acquired",
        ("what", "least", "lower quartile", "median", "upper quartile", "greatest"),
        [
            [name, *(number(spread[part]) for part in ("min", "q1", "median", "q3", "max"))]
            for name, spread in spreads.items()
            if isinstance(spread, Mapping)
        ],
        frozenset({1, 2, 3, 4, 5}),
    )
    yield facts(
        [
            ("Probes", counted.get("probes")),
            ("References", counted.get("references")),
            ("Mated comparisons within one sitting", counted.get("mated_in_one_session")),
            ("Quality by which pairs are discarded in H", counted.get("quality_of")),
        ]
    )


def _groups(d: Documents) -> Iterator[Block]:
    groups = d.result["groups"]
    planned = (d.plan or {}).get("groupings") or ()
    yield Note("Who belongs to which group was told to the test by the people concerned, a document or a measurement, "
               "as each row says. No software guessed it.")  # fmt: skip
    if not groups:
        yield Note(
            "Not tested: nobody's group was told, so no difference between groups can be seen.", "warning"
        )
    else:
        yield Table(
            "Groups: people and comparisons in each",
            ("group", "grouping", "how told", "people", "mated", "non-mated", "evaluated"),
            [
                [
                    plain(g["group"]),
                    plain(g["grouping"]),
                    plain(g.get("how")),
                    count(g.get("subjects")),
                    count(g.get("n_mated")),
                    count(g.get("n_non_mated")),
                    "yes" if g["evaluated"] else f"not evaluated: {plain(g.get('why_not'))}",
                ]
                for g in groups
            ],
            frozenset({3, 4, 5}),
        )
    if d.plan is None:
        yield Note("Not told: no plan says which groups were to be tested.", "absent")
    measured_ones = {g["grouping"] for g in groups}
    for p in planned:
        name = plain(p.get("name"))
        yield Note(
            f"Planned: by {name} ({plain(p.get('how'))}), the groups {said(p.get('labels'))}."
            + ("" if p.get("name") in measured_ones else " This grouping is not in the result: not tested."),
            "plain" if p.get("name") in measured_ones else "warning",
        )
    crossed = (d.plan or {}).get("intersections") or ()
    if crossed:
        yield Note("Planned intersections: " + "; ".join(" × ".join(map(plain, c)) for c in crossed) + ".")
    elif d.plan is not None:
        yield Note("Not tested: intersections of groups. The plan names none.", "absent")


def _counts(d: Documents) -> Iterator[Block]:
    r = d.result
    s = r["settings"]
    yield facts(
        [
            ("Mated comparisons (two pictures of one person)", r["n_mated"]),
            ("Non-mated comparisons (pictures of two people)", r["n_non_mated"]),
            ("People", r.get("n_subjects")),
            ("Non-mated pairs counted for groups", s.get("non_mated_rule")),
            ("Level of the intervals", s.get("confidence")),
            ("Bootstrap replicates over people", s.get("bootstrap")),
        ]
    )
    failed = list(measured.failures(r))
    told = r.get("failures") or {}
    if failed:
        yield rates(
            "Failures to acquire, to enrol and to compare", "what failed", [(m.measure, m) for m in failed]
        )
    for key, words in (("to_acquire", "failure to acquire"), ("to_enrol", "failure to enrol")):
        if not told.get(key):
            yield Note(f"Not told: {words}. FNMR alone leaves out pictures that could not be used.", "absent")
    if told.get("by_reason"):
        yield Table(
            "Failed comparisons by reason",
            ("reason", "comparisons"),
            [[plain(k), count(v)] for k, v in told["by_reason"].items()],
            frozenset({1}),
        )
    rows = list(measured.overall(r))
    counted = [m for m in rows if m.trials is not None]
    if not counted:
        yield Note("Not tested: no threshold was set.", "absent")
        return
    yield rates(
        "False match rate (FMR) and false non-match rate (FNMR), everybody",
        "rate and threshold",
        [(f"{m.measure}, {m.item}", m) for m in counted],
        flags=_flags(r["thresholds"]),
    )
    yield Note(RULE_OF_30)
    effects = [t for t in r["thresholds"] if t.get("fmr_design_effect") or t.get("fnmr_design_effect")]
    if effects:
        yield Table(
            "Design effects: how many times wider (in variance) than for independent trials",
            ("threshold", "FMR", "FNMR"),
            [
                [
                    target(t["target_fmr"]),
                    number(t.get("fmr_design_effect")),
                    number(t.get("fnmr_design_effect")),
                ]
                for t in effects
            ],
            frozenset({1, 2}),
        )
    derived = [m for m in rows if m.trials is None]
    if derived:
        yield Table(
            "Rates of whole transactions, made from FMR, FNMR and the failures (one attempt each)",
            ("rate and threshold", "value"),
            [[f"{m.measure}, {m.item}", number(m.rate)] for m in derived],
            frozenset({1}),
        )


def _flags(thresholds: Sequence[Row]) -> dict[int, str]:
    flags = {}
    for i, t in enumerate(thresholds):
        for j, measure in enumerate(("fmr", "fnmr")):
            remarks = [] if t.get(f"enough_{measure}", True) else ["fewer than 30 errors"]
            if measure == "fmr" and t.get("measurable") is False:
                remarks.append("target below what so many comparisons can measure")
            flags[2 * i + j] = "; ".join(remarks)
    return flags


def _thresholds(d: Documents) -> Iterator[Block]:
    plan = d.plan or {}
    rows = d.result["thresholds"]
    if not rows:
        yield Note("Not tested: no threshold was set.", "absent")
        return
    yield Table(
        "Thresholds, one for everybody",
        ("target", "threshold", "other end of the gap", "rule", "FMR reached", "can be measured"),
        [
            [
                target(t["target_fmr"])
                + (" (operating point)" if t["target_fmr"] == plan.get("operating_fmr") else ""),
                at(t.get("threshold")),
                at(t.get("other_end")),
                plain(t.get("rule")),
                number(t["fmr"]),
                "not told" if t.get("measurable") is None else plain(t["measurable"]),
            ]
            for t in rows
        ],
        frozenset({1, 2, 4}),
    )
    settings = d.result["settings"]
    direction = "at or below" if settings.get("direction") == "dissimilarity" else "at or above"
    yield Note(
        f"Two pictures count as the same person's where the score is {direction} the threshold. Any threshold between "
        "the two ends of the gap gives the same FMR on these scores and may give another FNMR; the other end is told "
        "for that reason."
    )
    yield Note(
        "The thresholds were set on the scores of this same test"
        + (
            " and set again in each bootstrap replicate, so the intervals hold that uncertainty too."
            if settings.get("threshold_rule") == "re-estimated"
            else " and kept fixed: the intervals do not hold the uncertainty of setting them."
        )
    )
    if plan.get("operating_fmr") is None:
        yield Note("Not told: at which of these thresholds the service is used.", "absent")
    yield Note(
        "Not told: the threshold that the vendor ships. Not tested: a threshold for each group.", "absent"
    )


def _trade_off(d: Documents) -> Iterator[Block]:
    r = d.result
    if r["det"]:
        yield Figure(
            plots.det(r["det"], r["thresholds"]),
            "Error trade-off (DET). A curve nearer to the lower left has fewer errors of both kinds.",
        )
        yield Table(
            "Points of the error trade-off",
            ("threshold", "FMR", "FMR interval", "FNMR", "FNMR interval"),
            [
                [
                    at(p["threshold"]),
                    number(p["fmr"]),
                    between((p.get("fmr_low"), p.get("fmr_high"))),
                    number(p["fnmr"]),
                    between((p.get("fnmr_low"), p.get("fnmr_high"))),
                ]
                for p in r["det"]
            ],
            frozenset({0, 1, 2, 3, 4}),
            folded=True,
        )
    else:
        yield Note("Not tested: the error trade-off.", "absent")
    whole = list(measured.summary(r))
    if whole:
        yield Table(
            "Numbers over the whole curve; none of them says how a service errs at its own threshold",
            ("number", "value"),
            [[m.measure, number(m.rate, 6)] for m in whole],
            frozenset({1}),
        )
    yield from _scores(r)
    yield from _calibration(r)
    yield from searches(d)


def _scores(r: Row) -> Iterator[Block]:
    bins = r.get("histogram")
    if not bins or len(bins["edges"]) < 2:
        yield Note("Not told: how the scores are spread.", "absent")
        return
    yield Figure(
        plots.histogram(bins, r["thresholds"]),
        "How scores of mated and non-mated comparisons are spread. Comparisons that failed have no score and no bin.",
    )
    edges = bins["edges"]
    yield Table(
        "Scores in bins",
        ("from", "to", "mated", "non-mated"),
        [
            [number(low, 6), number(high, 6), count(m), count(n)]
            for low, high, m, n in zip(edges, edges[1:], bins["mated"], bins["non_mated"], strict=False)
        ],
        frozenset({0, 1, 2, 3}),
        folded=True,
    )


def _calibration(r: Row) -> Iterator[Block]:
    yield Heading("What a score says: calibration")
    told = r.get("calibration")
    if not told:
        yield Note("Not tested: calibration of scores to likelihood ratios.", "absent")
        return
    rows = list(measured.calibration(r))
    points = [m for m in rows if m.item != measured.CHECK]
    if points:
        yield Figure(
            plots.curves(
                "calibration",
                "Log-likelihood ratio (base 10) against comparison score",
                [plots.Series("calibrated", [(m.threshold or 0.0, m.rate or 0.0) for m in points])],
                x_says="comparison score",
                y_says="log10 likelihood ratio",
                marks=len(points) <= 30,
                tall=320,
            ),
            "What a score says: above 0 it speaks for one person, below 0 for two.",
        )
        yield Table(
            "Calibration",
            ("score", "log10 likelihood ratio"),
            [[number(m.threshold, 6), number(m.rate)] for m in points],
            frozenset({0, 1}),
            folded=True,
        )
    yield facts(
        [
            (plain(k).replace("_", " ").capitalize(), v)
            for k, v in told.items()
            if k not in ("points", "check")
        ]
    )
    yield from _check(told.get("check"), [m for m in rows if m.item == measured.CHECK])


def _check(check: Row | None, rows: Sequence[Measured]) -> Iterator[Block]:
    """How the calibration did on comparisons that it was not made from."""
    if not check:
        yield Note("Not tested: the calibration on comparisons that it was not made from.", "absent")
        return
    if check.get("holds") is False:
        yield Note("The calibration did not hold on comparisons that were left out.", "warning")
    inner = {"misleading", "cllr", "min_cllr", "calibration_loss"}
    yield facts([(f"Check: {plain(k).replace('_', ' ')}", v) for k, v in check.items() if k not in inner])
    costs = [m for m in rows if m.trials is None]
    if costs:
        yield Table(
            "Cost of the calibrated scores in bits, on comparisons left out",
            ("number", "value"),
            [[m.measure, number(m.rate)] for m in costs],
            frozenset({1}),
        )
    counted = [m for m in rows if m.trials is not None]
    if counted:
        reaches = check.get("misleading") or ()
        flags = {
            2 * i + j: ("honoured" if x.get("honoured") else "NOT honoured")
            + f": at most {number(x.get('at_most'))}"
            for i, x in enumerate(reaches)
            for j in range(2)
        }
        yield rates(
            "How often a likelihood ratio misled, on comparisons left out",
            "kind",
            [(m.measure, m) for m in counted],
            flags=flags,
        )


def _people(d: Documents) -> Iterator[Block]:
    del d
    yield Note(
        "Not tested: how often people who compare faces by eye err, and how often a false lead leaves the whole "
        "procedure. All rates in this report are of the software alone.",
        "absent",
    )


def _throughput(d: Documents) -> Iterator[Block]:
    told = d.times or d.result.get("throughput")
    if isinstance(told, Mapping) and told:
        yield facts(
            [
                (plain(k).removesuffix("_seconds").replace("_", " ").capitalize(), _seconds(k, v))
                for k, v in told.items()
            ]
        )
        yield Note(
            "Times are of one run on one machine; they are no part of the result, which is the same each time."
        )
    else:
        yield Note(
            "Not told: time for each enrolment, comparison and search, size of templates, hardware.", "absent"
        )


def _seconds(name: object, value: Any) -> Any:
    """Median and 95th percentile of times in milliseconds; anything else as it is."""
    if not str(name).endswith("_seconds") or not isinstance(value, Mapping):
        return value
    middle, high = (number(1000 * float(value[part]), 3) for part in ("median", "p95"))
    return f"median {middle} ms, 95 in 100 at most {high} ms ({count(value.get('n'))} measured)"


def _verdict(d: Documents) -> Iterator[Block]:
    v = d.verdict
    if v is None:
        yield Note("Not shown: no verdict was given on this result.", "warning")
    else:
        yield Note(f"Overall: {plain(v['overall'])}.", "plain" if v["overall"] == "pass" else "warning")
        yield Table(
            "Verdict on each goal; “not shown” is no pass: the interval reaches across the limit, or too little was "
            "measured",
            ("goal", "measured", "counts", "interval", "limit", "verdict", "why"),
            [
                [
                    f"{plain(g['goal'])}: {plain(g.get('says'))}",
                    number(g["measured"]) if g.get("measured") is not None else "nothing",
                    _judged_counts(g.get("counts")),
                    between(g.get("interval")),
                    limit(g.get("limit")),
                    plain(g["verdict"]),
                    "; ".join(plain(w) for w in (g.get("group"), g.get("why")) if w),
                ]
                for g in v["verdicts"]
            ],
            frozenset({1, 2, 3}),
            wide="dense",
        )
        yield facts([("A new test is due by", v.get("expires"))])
        if v.get("retest_when"):
            yield Note("A new test is due before that day where:")
            yield Listed([plain(w) for w in v["retest_when"]])
    uses = (d.plan or {}).get("not_covered")
    if uses:
        yield Note("This test does not cover:")
        yield Listed([plain(u) for u in uses])
    else:
        yield Note("Not told: what this test does not cover.", "absent")


def _judged_counts(counts: Any) -> str:
    if isinstance(counts, Mapping):
        return f"{count(counts.get('errors'))} / {count(counts.get('trials'))}"
    return "none" if counts is None else said(counts)


def limit(bound: Any) -> str:
    """The limit of a goal: `at most 0.001`."""
    if isinstance(bound, Mapping):
        either_way = ", either way" if bound.get("unit") == "ratio" else ""
        return f"{plain(bound.get('unit'))} at most {number(bound.get('at_most'))}{either_way}"
    return "none" if bound is None else f"at most {said(bound)}"


def _disclosure(d: Documents) -> Iterator[Block]:
    r = d.result
    warnings = [*d.faults, *map(plain, r["warnings"])]
    if warnings:
        yield Note("The evaluation warned:", "warning")
        yield Listed(warnings)
    else:
        yield Note("The evaluation gave no warning.")
    excluded = [(g["grouping"], g) for g in r["groups"] if not g["evaluated"]]
    if excluded:
        yield Table(
            "Left out of comparisons between groups",
            ("group", "people", "why"),
            [
                [f"{plain(n)}: {plain(g['group'])}", count(g.get("subjects")), plain(g.get("why_not"))]
                for n, g in excluded
            ],
            frozenset({1}),
        )
    inputs = r.get("inputs") or ()
    yield (
        Table(
            "Inputs, so that every number can be computed again",
            ("file", "role", "format", "rows", "SHA-256"),
            [
                [
                    plain(i.get("name")),
                    plain(i.get("role")),
                    plain(i.get("format")),
                    count(i.get("rows")),
                    plain(i.get("sha256")),
                ]
                for i in inputs
            ],
            frozenset({3}),
        )
        if inputs
        else Note("Not told: which files were measured.", "warning")
    )
    if d.digests:
        listed = [[plain(name), digest] for name, digest in d.digests.items()]
        yield Table("Documents of this test", ("file", "SHA-256"), listed)
    else:
        yield Note("Not told: digests of the documents.", "absent")
    yield Facts([(f"Software: {plain(k)}", said(v)) for k, v in (r.get("software") or {}).items()])
    yield Facts([(f"Setting: {plain(k).replace('_', ' ')}", said(v)) for k, v in r["settings"].items()])
    yield Note(
        "result.json holds every number unrounded, result.csv the same numbers as a flat table. Definitions are those "
        "of ISO/IEC 19795-1 where named so; the measures of differences are those that NIST and the literature use, "
        "and no conformance to ISO/IEC 19795-10 is claimed."
    )
