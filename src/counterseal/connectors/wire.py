"""How gateway and connector process talk: messages over a socket in a private folder.

A message is one length-framed bytes value: a JSON header, then binary parts. Both ends prove that they know
the service's credential before anything is said (HMAC challenge of `multiprocessing.connection`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from typing import Any

from counterseal.connectors.port import (
    Answer,
    ComparisonAnswer,
    Foil,
    ReturnedCandidate,
    ServiceFailure,
    Submission,
)
from counterseal.terms.biometrics import ComparisonDecision
from counterseal.terms.errors import CountersealError

LARGEST = 64 << 20
LARGEST_COUNT = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it a number cannot be sealed exactly
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")


class WireError(CountersealError):
    """The other end said something that is no message of ours."""


@dataclass(frozen=True, slots=True)
class Message:
    """A header of plain JSON and binary parts."""

    header: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def send(connection: Connection, message: Message) -> None:
    """Send one message."""
    header = json.dumps({**message.header, "parts": [len(p) for p in message.parts]}).encode()
    connection.send_bytes(len(header).to_bytes(4, "big") + header + b"".join(message.parts))


def receive(connection: Connection) -> Message:
    """Receive one message.

    Raises:
        EOFError, ConnectionError: the other end hung up. BlockingIOError: it stalled in the middle.
        WireError: this is no message.
    """
    try:
        data = connection.recv_bytes(LARGEST)
    except (EOFError, ConnectionError, BlockingIOError):
        raise
    except OSError as error:
        raise WireError(f"a message has at most {LARGEST} bytes: {error}") from error
    return unframed(data)


def unframed(data: bytes) -> Message:
    """The message that these bytes are, strictly.

    Raises:
        WireError: they are none.
    """
    start = 4 + int.from_bytes(data[:4], "big")
    try:
        header = json.loads(data[4:start].decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"this is no readable message: {error}") from error
    sizes = header.pop("parts", None) if type(header) is dict else None
    if type(sizes) is not list or any(type(size) is not int or size < 0 for size in sizes):
        raise WireError("a message is a JSON object that states the sizes of its parts")
    if start + sum(sizes) != len(data):
        raise WireError("this message has another length than it says")
    parts = []
    for size in sizes:
        parts.append(data[start : start + size])
        start += size
    return Message(header, tuple(parts))


def submission_message(submission: Submission) -> Message:
    """A submission as a message."""
    return Message(
        {"say": "submit", "opening": submission.opening},
        (submission.request, submission.entry, submission.receipt, submission.probe, submission.second),
    )


def submission_of(message: Message) -> Submission:
    """The submission of a message.

    Raises:
        WireError: it is none.
    """
    if message.header.get("say") != "submit" or len(message.parts) != 5:
        raise WireError("this is no submission")
    request, entry, receipt, probe, second = message.parts
    opening = message.header.get("opening")
    if type(opening) is not str:
        raise WireError("a submission opens the entry's commitment to the request")
    return Submission(request, entry, opening, receipt, probe, second)


def answer_message(answer: Answer | ServiceFailure) -> Message:
    """A service's answer as a message."""
    if isinstance(answer, ServiceFailure):
        return Message({"say": "failure", "code": answer.code, "says": answer.says})
    comparison = answer.comparison
    return Message(
        {
            "say": "answer",
            "engine_id": answer.engine_id,
            "score_kind": answer.score_kind,
            "searched": answer.searched,
            "returned": answer.returned,
            "operating_point": answer.operating_point,
            "comparison": None
            if comparison is None
            else [comparison.score, comparison.threshold, comparison.decision],
            "candidates": [
                [c.reference_id, c.person_ref, c.score, c.captured_on.isoformat() if c.captured_on else None]
                for c in answer.candidates
            ],
            "foils": [[f.reference_id, f.person_ref] for f in answer.foils],
        },
        (*(c.photograph for c in answer.candidates), *(f.photograph for f in answer.foils)),
    )


def answer_of(message: Message) -> Answer | ServiceFailure:
    """The answer of a message, field by field, strictly.

    Raises:
        WireError: a field is missing or of the wrong kind.
    """
    h = message.header
    try:
        if h["say"] == "failure":
            # The code is sealed in the open: a service that sends a sentence there sends no failure of ours.
            if _CODE.fullmatch(_text(h["code"])) is None:
                raise WireError("a failure has a short lower-case code")
            return ServiceFailure(h["code"], _text(h["says"], longest=2000))
        if h["say"] != "answer" or len(message.parts) != len(h["candidates"]) + len(h["foils"]):
            raise WireError("the service sent an answer whose photographs do not fit its lists")
        return Answer(
            engine_id=_text(h["engine_id"], longest=120),
            score_kind=_text(h["score_kind"]),
            searched=_count(h["searched"]),
            returned=_count(h["returned"]),
            operating_point=None if h["operating_point"] is None else _text(h["operating_point"], longest=80),
            comparison=_comparison(h["comparison"]),
            candidates=tuple(
                ReturnedCandidate(
                    _text(r), _text(p), _number(s), None if d is None else date.fromisoformat(d), photograph
                )
                for (r, p, s, d), photograph in zip(h["candidates"], message.parts, strict=False)
            ),
            foils=tuple(
                Foil(_text(r), _text(p), photograph)
                for (r, p), photograph in zip(h["foils"], message.parts[len(h["candidates"]) :], strict=True)
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WireError(
            f"the service's answer lacks something or has it in the wrong form: {error!r}"
        ) from error


def _comparison(value: Sequence[Any] | None) -> ComparisonAnswer | None:
    if value is None:
        return None
    score, threshold, decision = value
    return ComparisonAnswer(
        _number(score),
        None if threshold is None else _number(threshold),
        None if decision is None else ComparisonDecision(decision),
    )


def _text(value: object, *, longest: int = 64) -> str:
    """A text that can be stored and sealed: bounded, and no half of a surrogate pair."""
    if type(value) is not str or len(value) > longest:
        raise WireError(f"a text of at most {longest} characters stands there")
    value.encode()  # ValueError: it cannot be written in UTF-8
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise WireError("a count is a whole number from 0 on")
    return value


def _number(value: object) -> float:
    if type(value) not in (int, float):
        raise WireError("a score is a number")
    return float(value)  # type: ignore[arg-type]  # OverflowError: too large to be one
