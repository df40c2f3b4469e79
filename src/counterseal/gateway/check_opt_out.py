"""Ask, at the point of use, whether somebody declines. Each check is sealed and gives a receipt.

A spoken or signed no is enough and needs no reference. Nothing about the person is kept: not the reference,
not its token, not how the no was explained. The answer to a no is the alternative procedure.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from counterseal.gateway.found import found
from counterseal.gateway.office import Office
from counterseal.gateway.opt_out import opt_out_key
from counterseal.gateway.sealing import Change, Sealed, change
from counterseal.gateway.verification_terms import terms_in_force
from counterseal.oversight.models import OptOut, OptOutStatus, Use
from counterseal.oversight.optout import ReferenceKind, token_of
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

SAID = ("nothing", "no", "signed-no")
NOT_DECLINED = "not-declined"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person at the checkpoint said, and under which references they travel.

    told: they were told beforehand that they may decline. said: see `SAID`. says_no_citizen: they said of
    their own accord that they are no U.S. citizen; nobody is asked. references: (kind, reference), looked up
    on the list of choices and forgotten.
    """

    told: bool
    said: str = "nothing"
    says_no_citizen: bool = False
    references: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Checked:
    """The sealed answer. via: how the person declined: ``no``, ``signed-no`` or ``list``; empty where they did
    not. alternative: the procedure to follow then. receipt: proves the entry at `index`."""

    declined: bool
    via: str
    alternative: str
    index: int
    receipt: bytes


def check_opt_out(office: Office, *, use_id: str, choice: Choice, by: str) -> Checked | Refusal:
    """Check whether somebody declines, and hand back a receipt. A no counts here whoever says it.

    Raises:
        BadInputError: unknown use, person or word, or a reference that is none.
    """
    tokens = tokens_of(office, choice)
    started = office.clock()
    with change(office) as now:
        use = found(Use, use_id)
        alternative = terms_in_force(use).alternative
        if Role.GATE_OPERATOR not in office.acting(by):
            return now.refuse(
                "optout.check-refused",
                now.unmet([_NOT_AN_OPERATOR]),
                by=by,
                action="check a choice",
                target=use_id,
            )
        via = how_declined(choice, tokens)
        sealed = seal_check(now, use, choice, via, by=by, started=started)
    return Checked(bool(via), via, alternative if via else "", sealed.index, now.receipt)


def tokens_of(office: Office, choice: Choice) -> tuple[str, ...]:
    """The tokens of everything that the person travels under.

    Raises:
        BadInputError: a word that is unknown, or a reference that is none.
    """
    if choice.said not in SAID:
        raise BadInputError(f"a person says {', '.join(SAID)}, not `{choice.said}`")
    if unknown := {kind for kind, _ in choice.references} - set(ReferenceKind):
        raise BadInputError(
            f"a reference is a {', a '.join(ReferenceKind)}, not a {', a '.join(sorted(unknown))}"
        )
    key = opt_out_key(office)
    return tuple(token_of(key, ReferenceKind(kind), text) for kind, text in choice.references)


def how_declined(choice: Choice, tokens: tuple[str, ...]) -> str:
    """How the person declines at this instant, empty where they do not. Read inside the change that it decides."""
    if choice.said != "nothing":
        return choice.said
    stands = (
        tokens
        and OptOut.objects.filter(
            Q(token__in=tokens) | Q(receipt_token__in=tokens), status=OptOutStatus.STANDING
        ).exists()
    )
    return "list" if stands else ""


def seal_check(now: Change, use: Use, choice: Choice, via: str, *, by: str, started: datetime) -> Sealed:
    """Seal one check: that it was made, how it came out, how long it took. Nobody is pointed at."""
    return now.seal(
        "optout.checked",
        by=by,
        action="check a choice",
        target=use.id,
        outcome="declined" if via else NOT_DECLINED,
        clauses=["D-026-11/opt-out"],
        public={
            "use": use.id,
            "via": via or "none",
            "told": choice.told,
            "who_may": now.office.policies.opt_out(now.at).who_may,
            "took_ms": milliseconds(started, now.at),
        },
    )


def milliseconds(begun: datetime, ended: datetime) -> int:
    """Whole milliseconds between two instants, never below 0."""
    return max(0, round((ended - begun).total_seconds() * 1000))


_NOT_AN_OPERATOR = Unmet(
    "road/role",
    "checking choices needs the role gate-operator",
    "ask whoever keeps the roles",
)
