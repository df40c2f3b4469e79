"""Let outsiders hold the audit office to its own log, without telling anybody when it reads.

Into the agency's log no head of this one is handed, ever: each would say that somebody looked. Instead the office
closes each day the same way: it fills its log up to the next multiple of `STEP` entries, whether it read anything
or not, and only such heads are cosigned. A witness sees one and the same step a day until more is read than a step
holds; what it cosigned, the office cannot take back.
"""

from counterseal.connectors.witnesses import ask_witness
from counterseal.gateway.audit.folder import AuditOffice
from counterseal.gateway.cosign import Ask, Asked, ask_all, read_policy
from counterseal.terms.errors import BadInputError

STEP = 64
BY = "audit"
POLICY = "witnesses.policy"


def close_day(office: AuditOffice) -> int:
    """Fill the log up to the next step, by at least one entry; answers with its size then.

    Run it at the same hour every day, by the clock and not by hand.
    """
    with office.turn():
        missing = STEP - office.log.size % STEP
        made = office.log.append(
            [
                office.entry("audit.day-closed", by=BY, action="close the day", target="day")
                for _ in range(missing)
            ]
        )
        return made[-1].index + 1


def last_closed(office: AuditOffice) -> int:
    """The size of the log when a day was closed last; 0 where none was."""
    closed = office.log.records("audit.day-closed", newest_first=True)
    return next((record.index + 1 for record in closed), 0)


def cosign_head(office: AuditOffice, *, ask: Ask = ask_witness) -> tuple[Asked, ...]:
    """Ask the witnesses of `witnesses.policy` in the office's folder to cosign the head of the day closed last.

    Raises:
        BadInputError: no witness is named, or no day was closed: any other head would tell of reads.
    """
    policy = read_policy(office.folder / POLICY, office.signer.verifier)
    if policy is None:
        raise BadInputError(
            f"no witness is named: write `{office.folder / POLICY}` (docs/how-to/run-a-witness.md shows one)"
        )
    size = last_closed(office)
    if not size:
        raise BadInputError(
            "only the head of a closed day is shown to witnesses: `counterseal audit close-day`"
        )
    checkpoint, note = office.log.head_at(size)
    known = {key.vkey: office.log.cosigned(key.vkey) for key in policy.keys}
    asked, lines = ask_all(policy, known, checkpoint, note, node=office.log.node, clock=office.clock, ask=ask)
    for vkey, line in lines:
        office.log.keep_cosignature(size, vkey, note, line)
    return asked
