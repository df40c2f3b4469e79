"""The two kinds of database that an installation runs on, behind one port (`port.py`)."""

from typing import cast

from django.db import connection

from counterseal.gateway.databases import postgresql, sqlite
from counterseal.gateway.databases.port import Database


def database() -> Database:
    """The one that this process is connected to."""
    return cast(Database, postgresql if connection.vendor == "postgresql" else sqlite)
