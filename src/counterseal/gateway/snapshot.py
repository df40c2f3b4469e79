"""Read many rows as of one instant while writers go on."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from counterseal.gateway.databases import database


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of the instant of the first read; nothing may be written. No writer waits for it."""
    if connection.in_atomic_block:
        yield
        return
    with database().snapshot():
        yield
