"""Reading canonical JSON (RFC 8785): one value, one spelling.

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
