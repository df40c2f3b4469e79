"""Draw the random share of a period's searches that supervisors review (HSI-M/4E4-supervisor-review).

1 open the period before it begins: a secret is made, and its commitment sealed; 2 when the period is over, show
the secret and make the seed of it and of the log's head; 3 draw the share of every search of the period that
no reason put under review already; 4 searches between two periods are all reviewed, so that leaving a gap
opens no way out; 5 each drawn search gets a duty; 6 anybody who may open the entries recomputes it.

Whoever knew the secret (it lies in the vault) and also wrote the log's last entry before the draw could try
several such entries; a witness's cosignature of the head before the draw bounds that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from counterseal.casework.models import SearchRequest
from counterseal.gateway.found import found
from counterseal.gateway.moving import ALL, stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.review_reasons import KIND, review_duty
from counterseal.gateway.sealing import change
from counterseal.ledger.entry import Disclosure, Entry, open_committed, read_entry
from counterseal.ledger.tree import place, root_hash
from counterseal.oversight import sampling
from counterseal.oversight.models import Duty, LogDisclosures, LogEntry, LogNode, PeriodStatus, SamplePeriod
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError

SAMPLED = "sampled"
BETWEEN = "between-periods"
_GROUP = 16


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a draw did. drawn, between: ids of the searches that came under review by chance, and by a gap."""

    period: SamplePeriod
    seed: bytes
    population: int
    drawn: tuple[str, ...]
    between: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A draw done again from the log alone. wrong: what does not fit, empty where everything does."""

    entry_index: int
    seed: str
    share: str
    population: int
    drawn: tuple[str, ...]
    wrong: tuple[str, ...]


def open_period(
    office: Office, *, until: datetime, by: str, since: datetime | None = None
) -> SamplePeriod | Refusal:
    """Commit to the secret of a period that begins now, or later, after every other.

    Raises:
        BadInputError: it ends before it begins, or begins in the past or before another one ends.
    """
    with change(office) as now:
        move = "open a period of review"
        period_id = office.new_id(SamplePeriod)
        if refusal := stands_against(now, move, by=by, target=period_id):
            return refusal
        last = SamplePeriod.objects.order_by("-until").first()
        begins = since or max([now.at] + ([last.until] if last else []))
        if begins < now.at or until <= begins:
            raise BadInputError(
                "a period begins now or later, and ends after it begins: a past one could be chosen"
            )
        if last and begins < last.until:
            raise BadInputError(f"another period lasts until {last.until.isoformat()}: begin this one then")
        secret = office.token(sampling.SECRET_BYTES)
        kept = office.vault.put(
            office.new_name("object"), secret, kind="sample-secret", about=period_id, at=now.at
        )
        period = SamplePeriod(
            id=period_id,
            since=begins,
            until=until,
            after=last.until if last else None,
            commitment=sampling.commitment_of(secret),
            secret=kept.id,
            opened_by_id=by,
            opened_at=now.at,
            opened_index=now.next_index,
        )
        now.seal(
            "sample.period-opened",
            by=by,
            action=move,
            target=period_id,
            outcome="done",
            clauses=[ALL[move].clause],
            public={
                "commitment": _groups(bytes.fromhex(period.commitment)),
                "since": _instant(begins),
                "until": _instant(until),
            },
            rows=[period],
            objects=[kept],
        )
        return period


def draw_sample(office: Office, *, period_id: str, by: str) -> Drawn | Refusal:
    """Draw the share of a period that is over, once, and open a supervisor's duty for each search drawn.

    Raises:
        BadInputError: no such period, or it is not over. StaleError: it was drawn.
    """
    with change(office) as now:
        move = "draw the sample of a period"
        period = found(SamplePeriod, period_id)
        if refusal := stands_against(now, move, by=by, target=period_id, state=period.status):
            return refusal
        if now.at < period.until:
            raise BadInputError(
                f"the period lasts until {period.until.isoformat()}: it is drawn when it is over"
            )
        earlier = SamplePeriod.objects.filter(until__lte=period.since, status=PeriodStatus.OPEN).first()
        if earlier:
            raise StaleError(f"period `{earlier.id}` came before and is not drawn: draw it first")
        rule = office.policies.supervision(now.at)
        secret = office.vault.open(period.secret)
        size, root = now.head
        seed = sampling.seed_of(secret, commitment=period.commitment, tree_size=size, root_hash=root)
        within = {r.id: r for r in _searches(period.since, period.until)}
        gap = {r.id: r for r in _searches(period.after, period.since)}
        reviewed = set(Duty.objects.filter(kind=KIND).values_list("about", flat=True))
        population = sorted(within.keys() - reviewed)
        drawn = sampling.draw(population, seed=seed, share=rule.share)
        between = tuple(sorted(gap.keys() - reviewed))
        duties = [
            *(review_duty(now, within[i], rule, because=[SAMPLED]) for i in drawn),
            *(review_duty(now, gap[i], rule, because=[BETWEEN]) for i in between),
        ]
        period.status, period.drawn_by_id = PeriodStatus.DRAWN, by
        period.drawn_at, period.drawn_index = now.at, now.next_index
        now.seal(
            "audit.sampled",
            by=by,
            action=move,
            target=period_id,
            outcome="drawn",
            clauses=[rule.clause],
            causes=[period.opened_index],
            public={
                "secret": _groups(secret),
                "seed": _groups(seed),
                "share": str(rule.share),
                "tree_size": size,
                "population": len(population),
                "drawn": len(drawn),
                "between": len(between),
            },
            committed={
                "population": population,
                "drawn": list(drawn),
                "between": list(between),
                "reviewed_already": sorted((within.keys() | gap.keys()) & reviewed),
                "after": _instant(period.after) if period.after else "",
            },
            rows=[period, *duties],
        )
        return Drawn(period, seed, len(population), drawn, between)


def verify_sample(entry_index: int) -> Recomputed:
    """Do a draw again from the entries and their openings, and say what does not fit. It reads no other table.

    Raises:
        BadInputError: this entry is no draw, or its openings are gone.
    """
    entry, opened = _opened(entry_index)
    if entry.kind != "audit.sampled":
        raise BadInputError(f"entry {entry_index} is a `{entry.kind}`, not a draw (`audit.sampled`)")
    public, wrong = entry.public, []
    opening = read_entry(bytes(LogEntry.objects.get(pk=entry.causes[0]).body))
    commitment = _joined(opening.public["commitment"]).hex()
    since, until = (datetime.fromisoformat(str(opening.public[name])) for name in ("since", "until"))
    after = datetime.fromisoformat(opened["after"]) if opened["after"] else None
    size, share = int(str(public["tree_size"])), Fraction(str(public["share"]))
    # (1) and (2)
    if opening.kind != "sample.period-opened" or opening.at > since or entry.at < until:
        wrong.append("the commitment was not sealed before the period, or the draw was made before its end")
    if size != entry_index:
        wrong.append("the seed was made from another head of the log than the one just before the draw")
    seed = b""
    try:
        seed = sampling.seed_of(
            _joined(public["secret"]),
            commitment=commitment,
            tree_size=size,
            root_hash=root_hash(size, _node),
        )
    except sampling.SamplingError as error:
        wrong.append(str(error))
    if seed != _joined(public["seed"]):
        wrong.append("the seed is not the one that secret and head give")
    # (3)
    population, drawn = tuple(opened["population"]), tuple(opened["drawn"])
    again = sampling.draw(population, seed=seed, share=share)
    if again != drawn:
        wrong.append("another draw comes out of this seed, share and population")
    if (len(population), len(drawn), len(opened["between"])) != (
        public["population"],
        public["drawn"],
        public["between"],
    ):
        wrong.append("the counts are not those of the ids")
    # (4)
    every = _intents(entry_index, after=after, since=since, until=until)
    told = [*population, *opened["between"], *opened["reviewed_already"]]
    if sorted(told) != sorted(every):
        wrong.append("the ids are not those of every search that the log sealed in this time")
    if any(every.get(i) != "within" for i in population) or any(
        every.get(i) != "gap" for i in opened["between"]
    ):
        wrong.append("a search of the period stands among those between two periods, or the other way round")
    return Recomputed(entry_index, seed.hex(), str(share), len(population), again, tuple(wrong))


def _searches(since: datetime | None, until: datetime) -> Sequence[SearchRequest]:
    """Every search whose intent was sealed in this time, half open; from the beginning where `since` is None."""
    rows = SearchRequest.objects.filter(intent_index__isnull=False, submitted_at__lt=until)
    return list(rows.filter(submitted_at__gte=since) if since else rows)


def _intents(before: int, *, after: datetime | None, since: datetime, until: datetime) -> dict[str, str]:
    """Request id of each sealed search intent -> `within` the period, or in the `gap` before it."""
    found_in = {}
    for index, body in LogEntry.objects.filter(pk__lt=before).values_list("index", "body").iterator():
        if b'"kind":"search.intent"' not in bytes(body):
            continue
        entry = read_entry(bytes(body))
        if entry.at < until and (after is None or entry.at >= after):
            _, opened = _opened(index)
            found_in[str(opened["target"])] = "within" if entry.at >= since else "gap"
    return found_in


def _opened(index: int) -> tuple[Entry, Mapping[str, Any]]:
    row = LogEntry.objects.filter(pk=index).first()
    encoded = LogDisclosures.objects.filter(pk=index).values_list("encoded", flat=True).first()
    if row is None or not encoded:
        raise BadInputError(
            f"there is no entry {index}, or its openings were destroyed: it cannot be recomputed"
        )
    entry = read_entry(bytes(row.body))
    return entry, dict(open_committed(entry, [Disclosure.parse(e) for e in encoded.split("\n")]))


def _node(level: int, index: int) -> bytes:
    return bytes(LogNode.objects.get(pk=place(level, index)).hash)


def _groups(data: bytes) -> list[str]:
    """32 bytes as four codes: the open part of an entry takes no longer run of digits."""
    text = data.hex()
    return [text[i : i + _GROUP] for i in range(0, len(text), _GROUP)]


def _joined(groups: object) -> bytes:
    return bytes.fromhex("".join(groups)) if isinstance(groups, (list, tuple)) else b""


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
