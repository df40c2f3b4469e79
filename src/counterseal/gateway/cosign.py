"""Ask witnesses to cosign the latest checkpoint, and say since when a quorum of them is missing.

Witnesses are named in `witnesses.policy` of the home (`ledger.quorum`). Nothing here blocks sealing: the log is
read as it is at an instant, the network is waited for without any lock, and what comes back is stored by one
insert. A witness that lies, hangs or refuses is an outcome with a name. A missing quorum is never passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError

from counterseal.connectors.witnesses import HasSize, Lines, NoCosignature, WitnessAnswer, ask_witness
from counterseal.gateway.cosignatures import cosigned_checkpoints, last_cosigned
from counterseal.gateway.export_ledger import entry_of, key_history, node
from counterseal.gateway.office import Office
from counterseal.gateway.snapshot import snapshot
from counterseal.ledger.checkpoint import Checkpoint, Verifier, split_note
from counterseal.ledger.cosignature import CosignerKey, signature_line
from counterseal.ledger.entry import read_entry
from counterseal.ledger.errors import LedgerError, SignatureError
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.quorum import NONE, Witnessed, WitnessLine, WitnessPolicy, parse_policy
from counterseal.ledger.tree import NodeReader, consistency_proof
from counterseal.ledger.witness import build_request
from counterseal.oversight.models import LogCosignature, LogState
from counterseal.terms.errors import BadInputError, UnavailableError

POLICY = "witnesses.policy"
ALARMING = frozenset({"fork", "ahead", "rolled-back"})
"""Outcomes after which somebody must look at once: two histories exist, or a witness lost its memory."""
_APART = 600  # seconds that a witness's clock and ours may differ
_ROUNDS = 3  # a witness may be asked by two of us at once, and name a size that is past when we come
Ask = Callable[[str, bytes], WitnessAnswer]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking one witness. code: `cosigned`, `already`, or why not. at: of its cosignature.

    Why not: what `NoCosignature` lists; `not-counting` (outside its dates), `no-address`, `key-not-verified` (a key
    type that this program cannot verify), `wrong-key` (no line by its key), `wrong-signature`, `wrong-time`,
    `wrong-size` (it names another size each time); and the alarming ones: `fork` (it says that our log does not
    extend what it cosigned), `ahead` (it cosigned a larger tree than we have), `rolled-back` (it forgot what it
    cosigned).
    """

    witness: str
    code: str
    says: str
    at: datetime | None = None

    @property
    def alarming(self) -> bool:
        """Whether somebody must look at once."""
        return self.code in ALARMING


@dataclass(frozen=True, slots=True)
class LogStanding:
    """How far witnesses have seen the log.

    size: of the log. held_size, held_at: the newest checkpoint with a quorum and when it was complete, None where
    there is none. by: whose cosignatures made it. uncosigned: entries behind it. since: when the first of those was
    sealed; None where none is. says: in words; empty where the latest checkpoint has its quorum.
    """

    size: int
    held_size: int | None
    held_at: datetime | None
    by: tuple[str, ...]
    uncosigned: int
    since: datetime | None
    says: str

    @property
    def held(self) -> bool:
        """Whether the latest checkpoint has its quorum."""
        return not self.says


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The size that was asked for, what each witness did, and how the log stands since."""

    size: int
    asked: tuple[Asked, ...]
    standing: LogStanding


def witness_policy(office: Office) -> WitnessPolicy | None:
    """The policy of this home; None where it has none.

    Raises:
        BadInputError: it cannot be read, or names other keys for this log than it has.
    """
    return read_policy(office.home / POLICY, office.signer.verifier)


def read_policy(path: Path, log: Verifier) -> WitnessPolicy | None:
    """The policy in this file for the log with this key; None where there is none. Raises as `witness_policy`."""
    try:
        policy = parse_policy(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(f"`{path}` cannot be read: {error.strerror or error}") from error
    except LedgerError as error:
        raise BadInputError(f"`{path}` cannot be used: {error}") from error
    if policy.logs and log not in policy.logs:
        raise BadInputError(
            f"`{path}` names the log keys of others only: add the line `log {log.vkey}`, or name none"
        )
    if any(key.public == log.public for key in policy.keys):
        raise BadInputError(f"`{path}` names the log's own key as a witness: nobody witnesses for themselves")
    return policy


def cosign(office: Office, *, ask: Ask = ask_witness) -> Cosigned:
    """Ask every witness that counts now for a cosignature on the latest checkpoint, and keep what holds.

    # 1 read the log as of one instant, 2 ask all at once, 3 verify, 4 store, 5 say how the log stands.

    Raises:
        BadInputError: no policy, or one that cannot be used. UnavailableError: nothing can be stored.
    """
    policy = witness_policy(office)
    if policy is None:
        raise BadInputError(
            f"no witness is named: write `{office.home / POLICY}` (docs/how-to/run-a-witness.md shows one)"
        )
    # (1)
    with snapshot():
        note = bytes(LogState.objects.get().checkpoint)
        checkpoint = key_history().open_checkpoint(note, origin=office.origin)
        known = {key.vkey: last_cosigned(key, node) for key in policy.keys}
    # (2), (3)
    asked, lines = ask_all(policy, known, checkpoint, note, node=node, clock=office.clock, ask=ask)
    # (4)
    _store(lines, checkpoint.size, note, office.clock())
    # (5)
    return Cosigned(checkpoint.size, asked, standing(office, policy))


def ask_all(
    policy: WitnessPolicy,
    known: Mapping[str, int],
    checkpoint: Checkpoint,
    note: bytes,
    *,
    node: NodeReader,
    clock: Callable[[], datetime],
    ask: Ask,
) -> tuple[tuple[Asked, ...], list[tuple[str, str]]]:
    """Ask every witness that counts now, all at once; what each did, and (vkey, line) of each cosignature that holds.

    known: the size of this log that each witness (by vkey) cosigned last. node: the stored hashes of this log.
    """
    asked: dict[str, Asked] = {}
    questions: dict[str, tuple[WitnessLine, CosignerKey, int]] = {}
    for witness in policy.witnesses:
        question = _question(witness, known, checkpoint, clock())
        if isinstance(question, Asked):
            asked[witness.name] = question
        else:
            questions[witness.name] = (
                witness,
                question,
                min(known.get(witness.key.vkey, 0), checkpoint.size),
            )
    lines: list[tuple[str, str]] = []
    for _ in range(_ROUNDS):
        again = {}
        bodies = {n: (w.url, _request(old, checkpoint, note, node)) for n, (w, _, old) in questions.items()}
        for name, answer in _all(ask, bodies).items():
            witness, key, old = questions[name]
            if isinstance(answer, HasSize) and answer.size != old:
                outcome = _other_size(witness, answer.size, known.get(key.vkey, 0), checkpoint)
                if outcome is None:
                    again[name] = (witness, key, answer.size)
                    asked[name] = Asked(
                        name, "wrong-size", "the witness names another size each time it is asked"
                    )
                else:
                    asked[name] = outcome
                continue
            kept = _kept(witness, key, answer, note, old == checkpoint.size, clock())
            asked[name] = kept[0]
            lines += kept[1]
        questions = again
    return tuple(asked[w.name] for w in policy.witnesses), lines


def standing(office: Office, policy: WitnessPolicy | None = None) -> LogStanding:
    """Since which entry, and since when, a quorum of witnesses is missing. policy: that of the home unless given.

    Raises:
        BadInputError: the policy cannot be used. IntegrityError: the log's own checkpoint does not hold.
    """
    policy = policy or witness_policy(office)
    with snapshot():
        keys = key_history()
        size = keys.open_checkpoint(bytes(LogState.objects.get().checkpoint), origin=office.origin).size
        if policy is None or policy.quorum == NONE:
            why = "no witness is named" if policy is None else "the policy asks for no cosignature"
            return LogStanding(
                size, None, None, (), size, _sealed_at(0, size), f"{why} (`{POLICY}`): {_ALONE}"
            )
        newest = next(cosigned_checkpoints(node), None)
        missing = "" if newest is None else f"at size {newest[0].size}: {_judged(keys, policy, newest[1])[1]}"
        for checkpoint, note in cosigned_checkpoints(node, at_least=policy.fewest):
            judged, _ = _judged(keys, policy, note)
            if judged is not None:
                since = _sealed_at(checkpoint.size, size)
                says = "" if since is None else _says(size, checkpoint.size, since, missing)
                behind = size - checkpoint.size
                return LogStanding(size, checkpoint.size, judged.since, judged.by, behind, since, says)
        since = _sealed_at(0, size)
        return LogStanding(size, None, None, (), size, since, _says(size, 0, since, missing))


def _judged(keys: KeyHistory, policy: WitnessPolicy, note: bytes) -> tuple[Witnessed | None, str]:
    """The quorum on a checkpoint that the log's key signed; else None and what is missing."""
    try:
        keys.open_checkpoint(note)
        judged = policy.judge(note)
    except LedgerError as error:
        return None, str(error)
    return (judged, "the quorum was there") if judged.held else (None, judged.missing)


_ALONE = "one key without witnesses can show two histories to two people"


def _says(size: int, held: int, since: datetime | None, missing: str) -> str:
    when = "" if since is None else f" since {since:%Y-%m-%d %H:%M:%SZ}"
    return (
        f"uncosigned{when}: no quorum of witnesses has seen the last {size - held} of {size} entries"
        + (f" ({missing})" if missing else "")
        + f"; {_ALONE}"
    )


def _sealed_at(index: int, size: int) -> datetime | None:
    """When the entry at `index` was sealed; None where the log ends before it."""
    return read_entry(entry_of(index)[0]).at if index < size else None


def _question(
    witness: WitnessLine, known: Mapping[str, int], checkpoint: Checkpoint, now: datetime
) -> CosignerKey | Asked:
    """The key whose cosignature is wanted, or why it is not asked for."""
    if not witness.counts_at(now):
        return Asked(
            witness.name, "not-counting", "by its dates in the policy this witness does not count now"
        )
    if not isinstance(witness.key, CosignerKey):
        return Asked(
            witness.name,
            "key-not-verified",
            "this program cannot verify keys of this type, so it never counts",
        )
    if known.get(witness.key.vkey) == checkpoint.size:
        return Asked(witness.name, "already", "it has cosigned this checkpoint before")
    if not witness.url:
        return Asked(witness.name, "no-address", "the policy gives no address for this witness")
    return witness.key


def _request(old: int, checkpoint: Checkpoint, note: bytes, node: NodeReader) -> bytes:
    return build_request(old, consistency_proof(old, checkpoint.size, node), note)


def _all(ask: Ask, bodies: Mapping[str, tuple[str, bytes]]) -> dict[str, WitnessAnswer]:
    """Ask everybody at once, so that one who hangs delays nobody else. No thread touches the database."""
    if not bodies:
        return {}
    with ThreadPoolExecutor(min(8, len(bodies)), thread_name_prefix="witness") as pool:
        answers = pool.map(lambda each: ask(*each), bodies.values())
        return dict(zip(bodies, answers, strict=True))


def _other_size(witness: WitnessLine, has: int, known: int, checkpoint: Checkpoint) -> Asked | None:
    """What it means that the witness names another size than it was asked with; None: ask again from there."""
    if has < known:
        return Asked(
            witness.name,
            "rolled-back",
            f"it cosigned size {known} before and now knows only {has}: it lost its state, and its cosignatures "
            "from here on mean less; ask whoever runs it",
        )
    if has > checkpoint.size:
        return Asked(
            witness.name,
            "ahead",
            f"it cosigned a tree of size {has}; this log has {checkpoint.size}: this database was put back from "
            "an older copy, or a second one signs with the log's key; stop and look",
        )
    return None


def _kept(
    witness: WitnessLine, key: CosignerKey, answer: WitnessAnswer, note: bytes, again: bool, now: datetime
) -> tuple[Asked, Sequence[tuple[str, str]]]:
    """Judge an answer; the key and the line to store, where there is one. again: it was asked from the
    checkpoint's own size, where a conflict can only mean another root."""
    match answer:
        case NoCosignature("not-consistent", says):
            return Asked(witness.name, "fork", f"{_FORK} ({says})"), ()
        case HasSize(size):
            if again:
                return Asked(witness.name, "fork", _FORK), ()
            return Asked(
                witness.name, "wrong-size", f"it names a conflict with the size {size} that it has"
            ), ()
        case NoCosignature(code, says):
            return Asked(witness.name, code, says), ()
        case Lines(lines):
            pass
    text = split_note(note)[0].encode("utf-8")
    ours = [signed for name, signed in lines if (name, signed[:4]) == (key.name, key.key_id)]
    if len(ours) != 1:
        return Asked(
            witness.name, "wrong-key", f"it answered {len(ours)} lines by the key {key.vkey}, not one"
        ), ()
    try:
        at = key.open(text, ours[0][4:])
    except SignatureError as error:
        return Asked(witness.name, "wrong-signature", str(error)), ()
    if abs(at - now.timestamp()) > _APART:
        return Asked(
            witness.name,
            "wrong-time",
            f"its cosignature is of {at} s, our clock shows {now.timestamp():.0f} s",
        ), ()
    line = signature_line(key.name, ours[0])
    return Asked(witness.name, "cosigned", "", datetime.fromtimestamp(at, now.tzinfo)), ((key.vkey, line),)


_FORK = (
    "it says that this log does not extend the tree that it cosigned before: there are two histories; "
    "stop, keep everything as it is, and compare checkpoints with whoever runs the witness"
)


def _store(lines: Sequence[tuple[str, str]], size: int, note: bytes, now: datetime) -> None:
    rows = [
        LogCosignature(vkey=vkey, line=line, size=size, checkpoint=note, received_at=now)
        for vkey, line in lines
    ]
    try:
        # Two of us may have asked at once: the first answer stays.
        LogCosignature.objects.bulk_create(rows, ignore_conflicts=True)
    except DatabaseError as error:
        raise UnavailableError(
            f"the cosignatures could not be stored ({error}): the log is not touched; ask again later"
        ) from error
