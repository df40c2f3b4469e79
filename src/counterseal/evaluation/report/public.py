"""The page for the public and for a defendant's counsel: what the test showed, in sentences.

It says less than the full report and nothing else; rates are told as “1 in N” with how far off they may be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterseal.evaluation.report.blocks import said
from counterseal.evaluation.report.differences import alone
from counterseal.evaluation.report.documents import Documents
from counterseal.evaluation.report.sections import limit
from counterseal.evaluation.report.text import at as threshold_words
from counterseal.evaluation.report.text import count, number, one_in, plain, short, spoken, times

Row = Mapping[str, Any]
MOST_DIFFERENCES = 6

VERDICTS = {
    "pass": "It met every goal that was set before.",
    "fail": "It failed: at least one goal that was set before was missed.",
    "not shown": "Not shown: the test could not tell whether it meets every goal. That is no pass.",
}
MEANS = {
    "pass": "met",
    "fail": "missed",
    "not shown": "not shown, which is no pass",
}


@dataclass(frozen=True, slots=True)
class Public:
    """What the page says, ready for its template."""

    title: str
    verdict: str
    verdict_says: str
    expires: str
    facts: Sequence[tuple[str, str]]
    errors: Sequence[tuple[str, str, str]]
    operating: str
    one_to_many: str
    differences: Sequence[str]
    not_evaluated: Sequence[str]
    could_see: Sequence[str]
    goals: Sequence[tuple[str, str, str]]
    not_covered: Sequence[str]
    faults: Sequence[str]


def public(d: Documents) -> Public:
    """The page of these documents."""
    plan, system = d.plan or {}, (d.plan or {}).get("system") or {}
    service = (
        f"the service “{plain(system['service'])}”"
        if system.get("service")
        else "this face recognition service"
    )
    at = operating(d)
    overall = plain((d.verdict or {}).get("overall", "not shown"))
    return Public(
        title=f"How often does {service} err?",
        verdict=overall,
        verdict_says=VERDICTS.get(overall, "")
        if d.verdict
        else "Not shown: nobody gave a verdict on this test.",
        expires=plain((d.verdict or {}).get("expires")),
        facts=[
            (
                "Tested",
                ", ".join(
                    f"{k} {plain(system.get(k.replace(' ', '_')))}"
                    for k in ("service", "engine id", "version")
                ),
            ),
            ("For this use", plain(plan.get("use_case"))),
            ("By", f"{plain(plan.get('tester'))}; independence: {plain(plan.get('independence'))}"),
            ("Kind of evidence", plain(plan.get("kind"))),
            ("On whom", _on_whom(d)),
            ("Whose pictures, by what right", _by_right(d)),
        ],
        errors=list(_errors(d, at)),
        operating=_operating(d, at),
        one_to_many=_one_to_many(d),
        differences=list(_differences(d, at)),
        not_evaluated=[
            f"{plain(g['group'])} ({plain(g['grouping'])}): {plain(g.get('why_not'))}"
            for g in d.result["groups"]
            if not g["evaluated"]
        ],
        could_see=list(_could_see(d, at)),
        goals=[_goal(g) for g in (d.verdict or {}).get("verdicts") or ()],
        not_covered=[plain(u) for u in plan.get("not_covered") or ()],
        faults=d.faults,
    )


def operating(d: Documents) -> Row | None:
    """The thresholds' row at which the service is used; else the strictest that could be measured."""
    rows = d.result["thresholds"]
    wanted = (d.plan or {}).get("operating_fmr")
    measurable = [t for t in rows if t.get("measurable") is not False]
    return next(
        (t for t in rows if t["target_fmr"] == wanted),
        min(measurable or rows, key=lambda t: t["target_fmr"], default=None),
    )


def _operating(d: Documents, at: Row | None) -> str:
    if at is None:
        return "No threshold was tested, so nothing can be said of how often it errs."
    told = (d.plan or {}).get("operating_fmr") == at["target_fmr"]
    which = (
        "the setting at which the service is used"
        if told
        else "the strictest setting that this test could measure; "
    )
    which += "" if told else "at which setting the service is used is not told"
    setting = f"threshold {threshold_words(at.get('threshold'))}, target FMR {number(at['target_fmr'])}"
    return f"Rates of comparing two pictures are at {which} ({setting})."


def _on_whom(d: Documents) -> str:
    c = d.corpus or {}
    people = c.get("people") or d.result.get("n_subjects")
    pictures = f", {count(c['images'])} pictures" if c.get("images") else ""
    return f"{count(people)} people{pictures}" if people else "not told"


def _by_right(d: Documents) -> str:
    if not d.corpus:
        return "not told"
    c = d.corpus
    return f"{said(c.get('source'))}; legal basis: {said(c.get('legal_basis'))}; consent: {said(c.get('consent'))}"


def _errors(d: Documents, at: Row | None) -> Iterator[tuple[str, str, str]]:
    r = d.result
    if at is not None:
        yield (
            "It takes two different people for one (false match)",
            spoken(at["fmr_count"], at["fmr"], at.get("fmr_interval")),
            f"{count(at['fmr_count'])} of {count(r['n_non_mated'])} comparisons of two different people",
        )
        yield (
            "It takes two pictures of one person for two people (false non-match)",
            spoken(at["fnmr_count"], at["fnmr"], at.get("fnmr_interval")),
            f"{count(at['fnmr_count'])} of {count(r['n_mated'])} comparisons of one person with themselves",
        )
    failed = (r.get("failures") or {}).get("to_acquire")
    yield (
        "It cannot use a picture at all (failure to acquire)",
        spoken(failed["errors"], failed["rate"], failed.get("interval")) if failed else "not told",
        f"{count(failed['errors'])} of {count(failed['trials'])} pictures"
        if failed
        else "not counted in this test",
    )
    searches = r.get("identification") or {}
    misses = searches.get("miss_rate") or ()
    missed = next((x for x in misses if x.get("list_length") == searches.get("list_length")), None)
    if missed and missed.get("fnir"):
        rate = missed["fnir"]
        yield (
            f"A search of {count(searches.get('database_size'))} people leaves out the person sought, who is among "
            f"them (list of {plain(missed.get('list_length'))} candidates)",
            spoken(rate["errors"], rate["rate"], rate.get("interval")),
            f"{count(rate['errors'])} of {count(rate['trials'])} searches",
        )
    rows = [
        x
        for x in searches.get("rates") or ()
        if x.get("fpir") and isinstance(x.get("threshold"), int | float)
    ]
    wanted = at["threshold"] if at and isinstance(at.get("threshold"), int | float) else 0.0
    false = min(rows, key=lambda x: abs(x["threshold"] - wanted), default=None)
    if false:
        rate = false["fpir"]
        yield (
            f"A search for somebody who is not in the database of {count(searches.get('database_size'))} puts "
            f"somebody else forward (threshold {threshold_words(false.get('threshold'))})",
            spoken(rate["errors"], rate["rate"], rate.get("interval")),
            f"{count(rate['errors'])} of {count(rate['trials'])} searches",
        )


def _one_to_many(d: Documents) -> str:
    if d.result.get("identification"):
        return (
            "A search compares one picture with everybody in a database. The larger the database, the more often "
            "somebody who only looks alike is put forward."
        )
    return (
        "Searches among many people were not tested. This test compared two pictures at a time. A search compares one "
        "picture with everybody in a database, so somebody who only looks alike is put forward far more often than "
        "the numbers above suggest."
    )


def _differences(d: Documents, at: Row | None) -> Iterator[str]:
    fmr = at and at["target_fmr"]
    found = [x for x in d.result["differentials"] if x["target_fmr"] == fmr]
    pairs = [(x, p) for x in found for p in x["pairs"]]
    if not pairs:
        yield "Not tested: whether it errs more often on some groups of people than on others."
        return
    apart = [(x, p) for x, p in pairs if p.get("distinguishable")]
    apart.sort(key=lambda xp: -_times(xp[1]))
    for x, p in apart[:MOST_DIFFERENCES]:
        yield _difference(x, p)
    if len(apart) > MOST_DIFFERENCES:
        yield f"{len(apart) - MOST_DIFFERENCES} more differences beyond chance are in the full report."
    for x in found:
        yield from _of_grouping(x)


def _of_grouping(x: Row) -> Iterator[str]:
    """What is left to say of one grouping once its differences beyond chance are told."""
    name, pairs = plain(x["grouping"]), x["pairs"]
    if not pairs:
        yield f"By {name}: not tested. Fewer than two groups have enough people."
        return
    for p in (p for p in pairs if alone(p) and not p.get("distinguishable")):
        yield (
            _difference(x, p).removesuffix(".")
            + ". Alone this would be beyond chance; among all the pairs that this test compared, it may be chance."
        )
    if not any(p.get("distinguishable") for p in pairs):
        yield (
            f"By {name}: no difference was shown to be beyond chance among {len(pairs)} comparisons of groups. "
            "That does not show that there is none."
        )
    alike = sum(p.get("equivalent") is True for p in pairs)
    if alike:
        many = f"{alike} of {len(pairs)}"
        yield f"By {name}: {many} comparisons show groups alike within the margin stated before."


def _times(p: Row) -> float:
    a, b = p.get("rate_a") or 0.0, p.get("rate_b") or 0.0
    low, high = sorted((a, b))
    return high / low if low else float("inf") if high else 1.0


def _difference(x: Row, p: Row) -> str:
    worse, better = ("a", "b") if (p.get("rate_a") or 0) >= (p.get("rate_b") or 0) else ("b", "a")
    what = {
        "fmr": "two different people of the group {} were taken for one",
        "fnmr": "pictures of one person of the group {} were taken for two people",
    }.get(str(p["measure"]), "errors in the group {} were made")
    often = _times(p)
    interval = p.get("ratio_interval") or (None, None)
    if worse == "b" and interval[0] is not None and interval[1] is not None:
        interval = (1 / interval[1] if interval[1] else None, 1 / interval[0] if interval[0] else None)
    bounds = [times(v) if v is not None else None for v in interval]
    off = f", between {bounds[0]} and {bounds[1]}" if bounds[0] and bounds[1] else ""
    ratio = f" ({times(often)} times as often{off})" if often not in (float("inf"), 1.0) else ""
    group = plain(p[worse])
    return (
        f"By {plain(x['grouping'])}: {what.format(group)} more often than in the group {plain(p[better])}: "
        f"{one_in(p.get('rate_' + worse))} against {one_in(p.get('rate_' + better))}{ratio}."
    )


def _could_see(d: Documents, at: Row | None) -> Iterator[str]:
    fmr = at and at["target_fmr"]
    for x in d.result["differentials"]:
        if x["target_fmr"] != fmr:
            continue
        for measure, words in (("fmr", "false matches"), ("fnmr", "false non-matches")):
            ratios = [
                v["ratio"]
                for v in x.get("smallest_visible") or ()
                if v.get("measure") == measure and v.get("ratio")
            ]
            if ratios:
                yield (
                    f"By {plain(x['grouping'])}: a difference in {words} smaller than {times(max(ratios))} times "
                    "may have gone unseen in some group."
                )


def _goal(g: Row) -> tuple[str, str, str]:
    verdict = plain(g["verdict"])
    bound = g.get("limit")
    value, unit = g.get("measured"), bound.get("unit") if isinstance(bound, Mapping) else "rate"
    measured = "nothing was measured"
    if value is not None and unit == "ratio":
        often = f"{times(max(value, 1 / value))} times" if value else "any number of times"
        measured = f"measured {often} as often in one group as in the other"
    elif value is not None:
        measured = f"measured {number(value)}" + (f" ({one_in(value)})" if unit == "rate" else "")
    outcome = MEANS.get(verdict, short(verdict, 40))
    most = limit(bound)
    if isinstance(bound, Mapping) and bound.get("unit") == "rate" and bound.get("at_most"):
        most += f" ({one_in(bound['at_most'])})"
    return plain(g.get("says") or g["goal"]), outcome, f"{measured}; limit: {most}"
