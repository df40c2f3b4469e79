"""The wire is read strictly: what is no message of ours is refused, and never anything worse."""

import json
import socket
from dataclasses import replace
from datetime import date
from multiprocessing.connection import Connection
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.connectors import wire
from counterseal.connectors.port import (
    Answer,
    ComparisonAnswer,
    Foil,
    HangUpError,
    ReturnedCandidate,
    ServiceFailure,
    Submission,
)
from counterseal.connectors.receipts import ReceiptRefusedError
from counterseal.connectors.serve import Server
from counterseal.connectors.wire import (
    Message,
    WireError,
    answer_message,
    answer_of,
    receive,
    send,
    submission_message,
    submission_of,
    unframed,
)
from counterseal.terms.biometrics import ComparisonDecision
from counterseal.terms.errors import UnavailableError

FULL = Answer(
    "engine-1",
    "dissimilarity",
    100,
    2,
    (
        ReturnedCandidate("ref-1", "p-1", 0.25, date(2020, 2, 3), b"one"),
        ReturnedCandidate("ref-2", "p-2", 0.5, None, b"two"),
    ),
    (Foil("ref-3", "p-3", b"three"),),
    None,
    "op-1",
)
ONE_TO_ONE = Answer(
    "engine-1", "similarity", 1, 0, comparison=ComparisonAnswer(0.9, 0.8, ComparisonDecision.MATCH)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def pair() -> tuple[Connection, Connection]:
    """Two connected ends."""
    ours, theirs = socket.socketpair()
    return Connection(ours.detach()), Connection(theirs.detach())


def framed(header: bytes, rest: bytes = b"") -> bytes:
    """A frame with this header."""
    return len(header).to_bytes(4, "big") + header + rest


def refusing_server() -> Server:
    """A server whose gate lets nothing through."""

    def admit(_: Submission) -> None:
        raise ReceiptRefusedError("never")

    return Server(SimpleNamespace(admit=admit), SimpleNamespace())


class TestRoundTrip:
    @pytest.mark.parametrize(
        "answer", [FULL, ONE_TO_ONE, replace(ONE_TO_ONE, comparison=ComparisonAnswer(0.5, None, None))]
    )
    def test_answer_comes_back_as_it_was(self, answer):
        """Over a real socket."""
        one, other = pair()
        send(one, answer_message(answer))
        assert answer_of(receive(other)) == answer
        one.close()
        other.close()

    def test_failure_comes_back_as_it_was(self):
        """Code and words."""
        failure = ServiceFailure("timeout", "it took too long")
        assert answer_of(answer_message(failure)) == failure

    @given(st.lists(st.binary(max_size=40), min_size=5, max_size=5), st.text(max_size=40))
    def test_submission_comes_back_as_it_was(self, parts, opening):
        """Any bytes in any part."""
        submission = Submission(parts[0], parts[1], opening, *parts[2:])
        message = submission_message(submission)
        header = json.dumps({**message.header, "parts": [len(p) for p in message.parts]}).encode()
        assert submission_of(unframed(framed(header, b"".join(message.parts)))) == submission


class TestRubbish:
    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_message_or_refused(self, data):
        """Nothing but `WireError`."""
        try:
            message = unframed(data)
        except WireError:
            return
        assert isinstance(message.header, dict)

    @given(st.binary(max_size=60), json_values)
    def test_any_json_in_the_frame_is_a_message_or_refused(self, rest, value):
        """A well-made frame around anything."""
        try:
            unframed(framed(json.dumps(value).encode(), rest))
        except WireError:
            return
        pytest.fail("a value that states no parts passed")

    @given(
        st.lists(st.integers(-3, 30) | st.booleans() | st.floats() | st.none(), max_size=5),
        st.binary(max_size=40),
    )
    def test_sizes_of_parts_are_whole_and_add_up(self, sizes, rest):
        """No negative, fractional or boolean size, and no byte left over."""
        plain = all(type(s) is int and s >= 0 for s in sizes) and sum(sizes) == len(rest)
        data = framed(json.dumps({"parts": sizes}).encode(), rest)
        if plain:
            assert b"".join(unframed(data).parts) == rest
        else:
            with pytest.raises(WireError):
                unframed(data)

    @pytest.mark.parametrize("header", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"", b"7" * 5000])
    def test_deep_broken_or_endless_json_is_refused(self, header):
        """A reader that recurses or converts without bound would fall over."""
        with pytest.raises(WireError):
            unframed(framed(header))

    def test_oversized_message_is_refused_before_it_is_read(self, monkeypatch):
        """By its stated length."""
        monkeypatch.setattr(wire, "LARGEST", 100)
        one, other = pair()
        one.send_bytes(b"x" * 101)
        with pytest.raises(WireError, match="at most 100 bytes"):
            receive(other)
        one.close()
        other.close()

    def test_end_that_hung_up_is_an_end(self):
        """Not a message."""
        one, other = pair()
        one.close()
        with pytest.raises(EOFError):
            receive(other)
        other.close()


class TestServer:
    @given(st.binary(max_size=300))
    def test_any_bytes_leave_the_server_standing(self, data):
        """It answers with a failure or ends this connection; it does not crash."""
        one, other = pair()
        one.send_bytes(data)
        one.send_bytes(framed(b'{"parts": []}'))
        shut = socket.socket(fileno=one.fileno())
        shut.shutdown(socket.SHUT_WR)
        shut.detach()
        refusing_server().attend(other)
        assert other.closed
        one.close()

    @given(json_values, st.lists(st.binary(max_size=10), max_size=6))
    def test_any_message_is_answered_by_a_failure(self, value, parts):
        """Whatever the header says."""
        header = value if isinstance(value, dict) else {"say": value}
        answer = answer_of(refusing_server().respond(Message(header, tuple(parts))))
        assert isinstance(answer, ServiceFailure)
        assert answer.code in {"service-error", "receipt-refused"}

    def test_submission_without_its_opening_is_none(self):
        """Nor one of another number of parts."""
        for header, parts in (
            ({"say": "submit"}, (b"",) * 5),
            ({"say": "submit", "opening": 7}, (b"",) * 5),
            ({"say": "submit", "opening": ""}, (b"",) * 4),
            ({"say": "other", "opening": ""}, (b"",) * 5),
        ):
            with pytest.raises(WireError):
                submission_of(Message(header, parts))

    @pytest.mark.parametrize(
        "error", [ValueError("x"), KeyError("x"), OSError("x"), RuntimeError("x"), UnavailableError("x")]
    )
    def test_backend_that_breaks_is_a_failure_that_says_so(self, error):
        """The process stays up for the next question."""

        def answer(*_: object) -> Answer:
            raise error

        server = Server(SimpleNamespace(admit=lambda _: None), SimpleNamespace(answer=answer))
        said = answer_of(server.respond(submission_message(Submission(b"", b"", "", b"", b""))))
        assert isinstance(said, ServiceFailure)
        assert said.code == "service-error"

    def test_backend_that_hangs_up_ends_the_connection(self):
        """Simulator only."""

        def answer(*_: object) -> Answer:
            raise HangUpError

        server = Server(SimpleNamespace(admit=lambda _: None), SimpleNamespace(answer=answer))
        one, other = pair()
        send(one, submission_message(Submission(b"", b"", "", b"", b"")))
        server.attend(other)
        assert other.closed
        with pytest.raises(EOFError):
            receive(one)
        one.close()


class TestAnswers:
    @given(st.sampled_from(sorted(answer_message(FULL).header)), json_values)
    def test_any_field_of_another_kind_is_an_answer_or_refused(self, field, value):
        """Nothing but `WireError`, whatever a service sends in any field."""
        message = answer_message(FULL)
        try:
            answer = answer_of(Message({**message.header, field: value}, message.parts))
        except WireError:
            return
        assert isinstance(answer, Answer | ServiceFailure)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("engine_id", 7),
            ("engine_id", "e" * 121),
            ("engine_id", "\ud800"),
            ("score_kind", None),
            ("searched", "100"),
            ("searched", 1.5),
            ("searched", True),
            ("searched", -1),
            ("searched", 2**53),
            ("searched", float("inf")),
            ("returned", "2"),
            ("operating_point", {"id": "x"}),
            ("operating_point", "x" * 81),
            ("comparison", [0.5]),
            ("comparison", ["0.5", None, None]),
            ("comparison", [0.5, "0.4", None]),
            ("comparison", [0.5, 0.4, "identified"]),
            ("comparison", 5),
            ("candidates", [["ref-1", "p-1", 0.1, None]]),
            ("candidates", [["ref-1", "p-1", 0.1], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1", "p-1", "0.1", None], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1", "p-1", True, None], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1", "p-1", 10**400, None], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1", "p-1", 0.1, "yesterday"], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1", "p-1", 0.1, 2020], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [["ref-1" * 20, "p-1", 0.1, None], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", [[1, "p-1", 0.1, None], ["ref-2", "p-2", 0.2, None]]),
            ("candidates", None),
            ("foils", [["ref-3"]]),
            ("foils", []),
            ("say", "other"),
        ],
    )
    def test_each_field_is_read_strictly(self, field, value):
        """A value of another kind is not converted, guessed at or stored."""
        message = answer_message(FULL)
        with pytest.raises(WireError):
            answer_of(Message({**message.header, field: value}, message.parts))

    @pytest.mark.parametrize("field", sorted(answer_message(FULL).header))
    def test_each_field_must_be_there(self, field):
        """None is assumed."""
        message = answer_message(FULL)
        with pytest.raises(WireError):
            answer_of(Message({k: v for k, v in message.header.items() if k != field}, message.parts))

    @pytest.mark.parametrize(
        "code", ["The man is called Marlow", "", "Timeout", "9", "x" * 41, "a_b", 7, None, "name\n"]
    )
    def test_failure_code_is_a_code(self, code):
        """It is sealed in the open: no sentence of a service gets there."""
        with pytest.raises(WireError):
            answer_of(Message({"say": "failure", "code": code, "says": "x"}))
        assert answer_of(Message({"say": "failure", "code": "a-b-9", "says": "x"}))

    def test_failure_says_a_bounded_text(self):
        """And not a novel."""
        with pytest.raises(WireError):
            answer_of(Message({"say": "failure", "code": "x", "says": "y" * 2001}))
