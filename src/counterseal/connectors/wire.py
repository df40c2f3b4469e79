"""How gateway and connector process talk: messages over a socket in a private folder.

A message is one length-framed bytes value: a JSON header, then binary parts. Both ends prove that they know
the service's credential before anything is said (HMAC challenge of `multiprocessing.connection`).
"""

import json
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
        EOFError: the other end hung up. WireError: this is no message.
    """
    data = connection.recv_bytes(LARGEST)
    try:
        start = 4 + int.from_bytes(data[:4], "big")
        header = json.loads(data[4:start])
        parts = []
        for size in header.pop("parts"):
            parts.append(data[start : start + size])
            start += size
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"the service sent no readable message: {error}") from error
    if start != len(data):
        raise WireError("the service sent a message of the wrong length")
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
    return Submission(request, entry, str(message.header.get("opening")), receipt, probe, second)


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
            return ServiceFailure(str(h["code"]), str(h["says"]))
        if h["say"] != "answer" or len(message.parts) != len(h["candidates"]) + len(h["foils"]):
            raise WireError("the service sent an answer whose photographs do not fit its lists")
        return Answer(
            engine_id=str(h["engine_id"]),
            score_kind=str(h["score_kind"]),
            searched=int(h["searched"]),
            returned=int(h["returned"]),
            operating_point=h["operating_point"],
            comparison=_comparison(h["comparison"]),
            candidates=tuple(
                ReturnedCandidate(str(r), str(p), float(s), date.fromisoformat(d) if d else None, photograph)
                for (r, p, s, d), photograph in zip(h["candidates"], message.parts, strict=False)
            ),
            foils=tuple(
                Foil(str(r), str(p), photograph)
                for (r, p), photograph in zip(h["foils"], message.parts[len(h["candidates"]) :], strict=True)
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(
            f"the service's answer lacks something or has it in the wrong form: {error!r}"
        ) from error


def _comparison(value: Sequence[Any] | None) -> ComparisonAnswer | None:
    if value is None:
        return None
    score, threshold, decision = value
    return ComparisonAnswer(
        float(score),
        None if threshold is None else float(threshold),
        None if decision is None else ComparisonDecision(decision),
    )
