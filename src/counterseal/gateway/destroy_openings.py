"""Destroy the opening of a committed value: the entry and its proofs stay, what the value was cannot be shown.

For what should never have been written, or must go with the record: a reference of the gallery, a folder's
name. Which rows an entry changed stays openable, or nobody could hold them against the log any more. Openings
lie in the database in the clear: in a backup of it they stay until that backup is destroyed.
"""

from collections.abc import Mapping, Sequence

from counterseal.gateway import erasures
from counterseal.gateway.destroy import not_the_records_office
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.ledger.entry import Disclosure, JsonValue
from counterseal.oversight.models import LogDisclosures
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError

KEPT = frozenset({"rows", "objects", "openings", "request", "action", "initiator"})


def destroy_openings(
    office: Office, *, index: int, names: Sequence[str], authority: str, by: str
) -> list[str] | Refusal:
    """Destroy the openings of these committed values of one entry; answers with their names.

    Raises:
        BadInputError: there is no such opening (any more), or it is one that the log needs.
    """
    if needed := sorted(KEPT & set(names)):
        raise BadInputError(f"`{needed[0]}` stays openable: without it nothing can be held against the log")
    with change(office) as now:
        if refusal := not_the_records_office(now, by=by, action="destroy openings", target=str(index)):
            return refusal
        held = LogDisclosures.objects.filter(pk=index).first()
        lines = held.encoded.split("\n") if held and held.encoded else []
        opened = {d.name: d for d in map(Disclosure.parse, lines)}
        for name in names:
            if name not in opened:
                raise BadInputError(f"entry {index} has no opening `{name}` (any more)")
        sealed = seal_closing(
            now, [(index, opened[name].digest) for name in names], by=by, committed={"authority": authority}
        )
    erasures.keep(office.home, sealed, now.receipt)
    return list(names)


def seal_closing(
    now: Change,
    openings: Sequence[tuple[int, str]],
    *,
    by: str,
    committed: Mapping[str, JsonValue],
    again: bool = False,
) -> Sealed:
    """Seal that these openings (entry, digest) go, and remove them, in the transaction of `now`."""
    for index in sorted({index for index, _ in openings}):
        held = LogDisclosures.objects.get(pk=index)
        gone = {digest for at, digest in openings if at == index}
        left = [line for line in held.encoded.split("\n") if Disclosure.parse(line).digest not in gone]
        LogDisclosures.objects.filter(pk=index).update(encoded="\n".join(left))
    return now.seal(
        erasures.DESTROYED,
        by=by,
        action="destroy openings",
        target=str(openings[0][0]),
        outcome="done",
        causes=sorted({index for index, _ in openings}),
        public={"openings": len(openings), **({"again": True} if again else {})},
        committed={
            **committed,
            "objects": [],
            "openings": [[str(index), digest] for index, digest in openings],
        },
    )


def still_open(openings: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of these openings that the database holds (again)."""
    held = {
        row.pk: {Disclosure.parse(line).digest for line in row.encoded.split("\n") if line}
        for row in LogDisclosures.objects.filter(pk__in=[index for index, _ in openings])
    }
    return [(index, digest) for index, digest in openings if digest in held.get(index, ())]
