"""What a witness does with a checkpoint that a log asks it to cosign, and how a log asks (C2SP tlog-witness).

A witness never cosigns two trees of one log of which one does not extend the other, never a smaller tree
after a larger, and dates nothing before what it dated earlier. What it is about to say is durable before it
says it: `HeadStore.turn` is left before the answer is handed out, and turns on one log exclude each other, in
every thread and process. What it cannot see: a log that shows nothing, or other things, to other witnesses.

Decided where the text leaves it open: extension lines are refused (400), as in our own log; where sizes are
equal and root hashes differ the answer is 409 with the size; where the clock stands before the last
cosignature, 503. A checkpoint that the log's key signed and that does not fit is kept as evidence.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from counterseal.ledger.checkpoint import MAX_NOTE, Checkpoint, parse_checkpoint, split_note
from counterseal.ledger.cosignature import Cosigner
from counterseal.ledger.errors import (
    MalformedNoteError,
    MalformedRequestError,
    ProofError,
    SignatureError,
)
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.strict import base64_std, decimal, to_base64_std
from counterseal.ledger.tree import EMPTY_ROOT, HASH_SIZE, verify_consistency

MAX_PROOF = 63
MAX_REQUEST = MAX_NOTE + 4096
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Head:
    """The latest that a witness cosigned of one log. at: POSIX seconds. note: with log's and own signature."""

    size: int
    root: bytes
    at: int
    note: bytes


class Turn(Protocol):
    """One exclusive turn on one log's state."""

    @property
    def head(self) -> Head | None:
        """The latest that was cosigned; None before the first."""
        ...

    def put(self, head: Head) -> None:
        """Replace it. Durable when the turn has been left without an exception, and not before."""
        ...

    def keep_evidence(self, at: int, said: str, request: bytes) -> None:
        """Keep a signed request that does not fit. May drop it where there is much already."""
        ...


class HeadStore(Protocol):
    """Where a witness keeps its state. Losing it, or putting an older copy back, ends the witness's key."""

    def turn(self, origin: str) -> AbstractContextManager[Turn]:
        """Wait for the turn on this log; leaving it makes what was put durable."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request, unverified. proof: 32-byte hashes. note: the signed checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


def build_request(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body by which a log asks for a cosignature.

    Raises:
        MalformedRequestError: a size or proof that no tree has.
    """
    if old_size < 0 or len(proof) > MAX_PROOF or any(len(part) != HASH_SIZE for part in proof):
        raise MalformedRequestError(f"a request has a size, and at most {MAX_PROOF} hashes of 32 bytes")
    lines = [f"old {old_size}", *map(to_base64_std, proof), "", ""]
    return "\n".join(lines).encode("ascii") + note


def parse_request(body: bytes) -> Request:
    """Read an add-checkpoint request, strictly; nothing is verified yet.

    Raises:
        MalformedRequestError: the bytes are none.
    """
    if len(body) > MAX_REQUEST:
        raise MalformedRequestError(f"a request has at most {MAX_REQUEST} bytes")
    head, blank, note = body.partition(b"\n\n")
    try:
        old, *proof = head.decode("ascii").split("\n")
        if not old.startswith("old ") or not blank or len(proof) > MAX_PROOF:
            raise ValueError(f"it needs `old SIZE`, at most {MAX_PROOF} hashes, an empty line, a checkpoint")
        hashes = tuple(base64_std(line, HASH_SIZE) for line in proof)
        return Request(decimal(old.removeprefix("old ")), hashes, note)
    except ValueError as error:
        raise MalformedRequestError(f"this is no request to a witness: {error}") from None


class Witness:
    """One witness. logs: the key history of an origin, None where that log is not known here. clock: POSIX seconds."""

    def __init__(
        self,
        cosigner: Cosigner,
        logs: Callable[[str], KeyHistory | None],
        store: HeadStore,
        clock: Callable[[], int],
    ) -> None:
        self._cosigner, self._logs, self._store, self._clock = cosigner, logs, store, clock

    def add_checkpoint(self, body: bytes) -> Response:
        """Answer one request.

        # 1 read it (400), 2 know the log (404), 3 check its signature (403), 4 compare the sizes (400, 409),
        # 5 check that the tree extends the last one (409, 422), 6 store, 7 hand the cosignature out (200).
        """
        # (1)
        try:
            request = parse_request(body)
            text = split_note(request.note)[0]
            checkpoint = parse_checkpoint(text)
        except (MalformedRequestError, MalformedNoteError) as error:
            return _says(400, str(error))
        # (2)
        keys = self._logs(checkpoint.origin)
        if keys is None:
            return _says(404, "this witness does not know that log")
        # (3)
        try:
            keys.open_checkpoint(request.note, origin=checkpoint.origin)
        except SignatureError as error:
            return _says(403, str(error))
        except MalformedNoteError as error:
            return _says(400, str(error))
        # (4)
        if request.old_size > checkpoint.size:
            return _says(
                400, f"the old size {request.old_size} is above the checkpoint's size {checkpoint.size}"
            )
        with self._store.turn(checkpoint.origin) as turn:
            # (7) Only when the turn was left is this handed out; what could not be made durable raises there.
            return self._decide(turn, request, checkpoint, text)

    def _decide(self, turn: Turn, request: Request, checkpoint: Checkpoint, text: str) -> Response:
        """Steps 4 to 6, within the turn: between reading the state and replacing it nobody else acts."""
        head = turn.head
        size, root = (0, EMPTY_ROOT) if head is None else (head.size, head.root)
        now = self._clock()
        if request.old_size != size:
            if checkpoint.size == size and checkpoint.root != root:
                turn.keep_evidence(now, f"another root hash at size {size}", request.note)
            return _conflict(size)
        # (5)
        if checkpoint.size == size and checkpoint.root != root:
            turn.keep_evidence(now, f"another root hash at size {size}", request.note)
            return _conflict(size)
        try:
            verify_consistency(size, checkpoint.size, root, checkpoint.root, request.proof)
        except ProofError as error:
            turn.keep_evidence(now, str(error), request.note)
            return _says(422, str(error))
        if head is not None and now < head.at:
            return _says(503, "this witness's clock stands before its last cosignature; try again later")
        # (6)
        line = self._cosigner.cosign(text.encode("utf-8"), at=now)
        own_note = _log_signed(request.note, checkpoint.origin) + line.encode("utf-8")
        turn.put(Head(checkpoint.size, checkpoint.root, now, own_note))
        return Response(200, line.encode("utf-8"))


def _log_signed(note: bytes, origin: str) -> bytes:
    """The note with the signature lines under the log's own name only: others' are not this witness's to keep."""
    text, _, tail = note.decode("utf-8").rpartition("\n\n")
    lines = [line for line in tail[:-1].split("\n") if line.split(" ")[1] == origin]
    return (text + "\n\n" + "".join(f"{line}\n" for line in lines)).encode("utf-8")


def _says(status: int, text: str) -> Response:
    return Response(status, (text + "\n").encode("utf-8"))


def _conflict(size: int) -> Response:
    return Response(409, b"%d\n" % size, SIZE_TYPE)
