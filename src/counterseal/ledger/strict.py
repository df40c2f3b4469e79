"""Decoding with one accepted spelling for each value, so that equal meaning is equal bytes."""

import base64
import binascii
import re

# C2SP sizes and indices are unbounded; other programs keep them in a signed 64-bit integer.
LARGEST = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def decimal(text: str) -> int:
    """A whole number from 0 to 2**63 - 1 in ASCII digits without leading zeros.

    Raises:
        ValueError: any other spelling.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) > LARGEST:
        raise ValueError(f"`{text[:40]}` is no whole number from 0 to 2^63-1 without leading zeros")
    return int(text)


def base64_std(text: str, length: int | None = None) -> bytes:
    """Standard base64 (RFC 4648 section 4) with its padding, padding bits zero.

    Raises:
        ValueError: any other spelling, or not `length` bytes.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError(f"`{text[:60]}` is not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError(f"`{text[:60]}` is base64 with stray padding bits")
    if length is not None and len(data) != length:
        raise ValueError(f"`{text[:60]}` holds {len(data)} bytes, not {length}")
    return data


def base64_url(text: str, length: int | None = None) -> bytes:
    """URL-safe base64 without padding (RFC 4648 section 5, as RFC 9901 uses it), spare bits zero.

    Raises:
        ValueError: any other spelling, or not `length` bytes.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError(f"`{text[:60]}` is not unpadded base64url") from None
    if to_base64_url(data) != text:
        raise ValueError(f"`{text[:60]}` is base64url with padding, a foreign character or stray bits")
    if length is not None and len(data) != length:
        raise ValueError(f"`{text[:60]}` holds {len(data)} bytes, not {length}")
    return data


def to_base64_url(data: bytes) -> str:
    """Unpadded base64url of `data`."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def to_base64_std(data: bytes) -> str:
    """Padded standard base64 of `data`."""
    return base64.b64encode(data).decode("ascii")
