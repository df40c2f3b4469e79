"""A witness that lies, hangs or babbles: each is a named outcome, within its time, and nothing raises."""

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.connectors.witnesses import MAX_ANSWER, HasSize, Lines, NoCosignature, _read, ask_witness
from counterseal.ledger.cosignature import Cosigner

LINE = Cosigner.from_seed("w.example/1", b"\x01" * 32).cosign(b"text\n", at=1).encode()
Talk = Callable[[socket.socket], None]


@contextmanager
def witness(talk: Talk) -> Iterator[str]:
    """A socket on loopback that does `talk` with whoever connects first."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            try:
                peer, _ = server.accept()
                with peer:
                    talk(peer)
            except OSError:
                pass  # the asker has gone

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/prefix"
        thread.join(10)
        assert not thread.is_alive()


def answering(
    status: str, body: bytes, content_type: str = "text/plain", *, length: int | None = None
) -> Talk:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length or len(body)}\r\n\r\n"
    )

    def talk(peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(head.encode() + body)

    return talk


def read_request(peer: socket.socket) -> bytes:
    said = b""
    while b"old 0\n\nnote\n" not in said:
        more = peer.recv(4096)
        assert more
        said += more
    return said


def ask(talk: Talk, within: float = 5.0) -> object:
    with witness(talk) as url:
        return ask_witness(url, b"old 0\n\nnote\n", within=within)


def code(answer: object) -> str:
    assert isinstance(answer, NoCosignature), answer
    assert answer.says
    assert answer.says.isascii()
    assert answer.says.isprintable()
    return answer.code


class TestAnswers:
    def test_lines_are_handed_on_unverified(self):
        assert ask(answering("200 OK", LINE)) == Lines((("w.example/1", signed_part(LINE)),))

    def test_size_of_a_conflict(self):
        assert ask(answering("409 Conflict", b"17\n", "text/x.tlog.size")) == HasSize(17)

    def test_request_is_what_the_protocol_says(self):
        seen = []

        def talk(peer: socket.socket) -> None:
            seen.append(read_request(peer))
            peer.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        assert code(ask(talk)) == "log-unknown"
        assert seen[0].startswith(b"POST /prefix/add-checkpoint HTTP/1.1\r\n")
        assert b"\r\nContent-Length: 12\r\n" in seen[0]

    @pytest.mark.parametrize(
        ("status", "named"),
        [
            ("400 Bad Request", "not-understood"),
            ("403 Forbidden", "key-unknown"),
            ("404 Not Found", "log-unknown"),
            ("422 Unprocessable Entity", "not-consistent"),
            ("429 Too Many Requests", "busy"),
            ("503 Service Unavailable", "busy"),
            ("301 Moved Permanently", "other-status"),
            ("204 No Content", "other-status"),
        ],
    )
    def test_every_refusal_has_a_name(self, status, named):
        body = b"" if status.startswith("204") else b"because\x1b[31m \xff"

        assert code(ask(answering(status, body))) == named


class TestLies:
    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            ("200 OK", b"", "text/plain"),
            ("200 OK", b"\x00\x01\x02", "text/plain"),
            ("200 OK", b"<html>fine</html>\n", "text/html"),
            ("200 OK", LINE[:-1], "text/plain"),
            ("409 Conflict", b"17\n", "text/plain"),
            ("409 Conflict", b"017\n", "text/x.tlog.size"),
            ("409 Conflict", b"-1\n", "text/x.tlog.size"),
            ("409 Conflict", b"9" * 40 + b"\n", "text/x.tlog.size"),
            ("409 Conflict", b"", "text/x.tlog.size"),
        ],
    )
    def test_garbage_in_http(self, status, body, kind):
        assert code(ask(answering(status, body, kind))) == "garbage"

    def test_no_http_at_all(self):
        def talk(peer: socket.socket) -> None:
            read_request(peer)
            peer.sendall(b"220 smtp.example ESMTP\r\n")

        assert code(ask(talk)) == "garbage"

    def test_answer_without_end_is_cut(self):
        def talk(peer: socket.socket) -> None:
            read_request(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(64):
                peer.sendall(b"x" * (MAX_ANSWER // 8))

        assert code(ask(talk)) == "too-long"

    def test_hangs_up_before_the_answer(self):
        assert code(ask(lambda peer: None)) == "hung-up"

    def test_hangs_up_within_the_answer(self):
        assert code(ask(answering("200 OK", LINE, length=len(LINE) + 100))) == "hung-up"


class TestTime:
    def took(self, talk: Talk) -> tuple[str, float]:
        started = time.monotonic()
        with witness(talk) as url:
            answer = ask_witness(url, b"old 0\n\nnote\n", within=0.5)
            taken = time.monotonic() - started
        return code(answer), taken

    def test_silence(self):
        named, taken = self.took(lambda peer: time.sleep(1))

        assert named == "timeout"
        assert taken < 2

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nX: ",
            b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ],
    )
    def test_a_byte_now_and_then_does_not_win_time(self, head):
        """Each byte would start a socket's own timeout anew; the whole has one limit."""

        def talk(peer: socket.socket) -> None:
            peer.sendall(head)
            for _ in range(60):
                peer.sendall(b"x")
                time.sleep(0.05)

        named, taken = self.took(talk)

        assert named == "timeout"
        assert taken < 2

    def test_a_handshake_that_never_ends(self):
        """The watch ends it too where TLS is spoken: here the other side sends one byte now and then."""

        def talk(peer: socket.socket) -> None:
            peer.sendall(b"\x16\x03\x03\x3f\xff")
            for _ in range(60):
                peer.sendall(b"\x02")
                time.sleep(0.05)

        started = time.monotonic()
        with witness(talk) as url:
            answer = ask_witness(url.replace("http:", "https:"), b"", within=0.5)
            taken = time.monotonic() - started

        assert code(answer) == "timeout"
        assert taken < 2


class TestAddresses:
    def test_nobody_listens(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            port = server.getsockname()[1]

        assert code(ask_witness(f"http://127.0.0.1:{port}", b"")) == "unreachable"

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "ftp://w.example",
            "http://",
            "http://w.example:port",
            "file:///etc/passwd",
            "http://w.example/?q=1",
        ],
    )
    def test_what_is_no_address_is_not_tried(self, url):
        assert code(ask_witness(url, b"")) == "no-address"

    def test_a_certificate_that_is_not_trusted(self):
        """A plain-text server at an https address: no answer is taken from it."""
        with witness(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as url:
            assert code(ask_witness(url.replace("http:", "https:"), b"")) in ("unreachable", "hung-up")


@given(st.integers(100, 599), st.text(max_size=30), st.binary(max_size=200))
@settings(max_examples=200)
def test_no_answer_breaks_the_reader(status, content_type, body):
    """Whatever comes is one of three kinds of value."""
    answer = _read(status, content_type, body)

    assert isinstance(answer, Lines | HasSize | NoCosignature)
    if status not in (200, 409):
        assert code(answer)


def signed_part(line: bytes) -> bytes:
    """Key id and signature of a line, taken apart by hand."""
    return base64.b64decode(line.split(b" ")[2])
