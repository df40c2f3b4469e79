"""Canonical JSON (RFC 8785), read and written: one value, one spelling.

Text with ASCII characters and short whole numbers, which is nearly all there is, is compared with what the
standard library writes, sorted and compact: for such text that is RFC 8785 (a test holds it), at a fraction
of the time. Everything else is compared with what `rfc8785` writes.
"""

import json
from typing import Any, NoReturn

import rfc8785


class _NotPlainError(Exception):
    """The text has fractions, long numbers or more than ASCII."""


def _not_plain(_text: str) -> NoReturn:
    raise _NotPlainError


def _short(text: str) -> int:
    return int(text) if len(text) <= 15 else _not_plain(text)


_DECODER = json.JSONDecoder(parse_float=_not_plain, parse_int=_short, parse_constant=_not_plain)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def write_canonical(value: Any) -> bytes:
    """The canonical JSON of a value.

    Raises:
        ValueError: it is no JSON, or does not read back as it was written. RecursionError: it is nested too deeply.
    """
    try:
        text = _ENCODER.encode(value)
        # Reading it back finds what the standard library spells otherwise, or quietly makes JSON of.
        if text.isascii() and _DECODER.decode(text) == value:
            return text.encode("ascii")
    except (_NotPlainError, TypeError):
        pass
    data = rfc8785.dumps(value)
    read_canonical(data)  # a number too long to come back as it was is refused here, not by a reader later
    return data


def read_canonical(data: bytes) -> Any:
    """The value that these bytes are the canonical JSON of.

    Raises:
        ValueError: no JSON, not in its one spelling, or a key stands twice.
    """
    try:
        text = data.decode("utf-8")
        try:
            value = _DECODER.decode(text if text.isascii() else _not_plain(text))
            same = _ENCODER.encode(value) == text
        except _NotPlainError:
            value = json.loads(text)
            same = rfc8785.dumps(value) == data
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not same:
        raise ValueError("it is not canonical JSON (RFC 8785), or a key stands twice")
    return value
