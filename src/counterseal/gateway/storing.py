"""Read and write single rows with statements that are built once a model.

The ORM compiles a statement anew for every save and every get, which took longer than the disk; meanwhile
the log's pen is held and every other writer waits. Fields still convert their own values.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.db import DatabaseError, connection
from django.db.models import Model

from counterseal.terms.errors import BadInputError

RowT = TypeVar("RowT", bound=Model)


def read(model: type[RowT], row_id: str) -> RowT | None:
    """The row of this primary key, or None."""
    statement, names, converters = _reading(model, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, [row_id])
        found = cursor.fetchone()
    if found is None:
        return None
    values = list(found)
    for place, convert in converters:
        values[place] = convert(values[place])
    return model.from_db(connection.alias, names, values)


def write(row: Model) -> None:
    """Insert a new row, or write every field of one that was read.

    Raises:
        BadInputError: a text does not fit into its column, or holds what no database keeps.
        DatabaseError: a constraint or guard refused it, or the row to write is not there.
    """
    model = type(row)
    for name, longest in _texts(model):
        _fits(getattr(row, name), name, longest)
    values = [
        f.get_db_prep_save(f.pre_save(row, add=row._state.adding), connection)
        for f in model._meta.concrete_fields
    ]
    with connection.cursor() as cursor:
        if row._state.adding:
            cursor.execute(_insert(model), values)
        else:
            cursor.execute(_update(model), [*values, row.pk])
            if cursor.rowcount != 1:
                raise DatabaseError(f"row `{row.pk}` of `{model._meta.label_lower}` was read and is gone")
    row._state.adding, row._state.db = False, connection.alias


def _fits(text: str | None, name: str, longest: int | None) -> None:
    """PostgreSQL refuses what SQLite would keep; neither is asked."""
    if text and longest is not None and len(text) > longest:
        raise BadInputError(f"`{name}` is {len(text)} characters long, and {longest} are kept: shorten it")
    if text and "\0" in text:
        raise BadInputError(f"`{name}` holds a character of value 0: take it out")


@cache
def _texts(model: type[Model]) -> list[tuple[str, int | None]]:
    """Which values of a row are text, and how long they may be."""
    return [
        (f.attname, f.max_length)
        for f in model._meta.concrete_fields
        if f.get_internal_type() in ("CharField", "TextField") or f.is_relation
    ]


@cache
def _reading(
    model: type[Model],
    vendor: str,  # noqa: ARG001 - the database's own forms differ
) -> tuple[str, list[str], list[tuple[int, Callable[[Any], Any]]]]:
    """The statement that reads one row, the names of its values, and how the database's own forms become ours."""
    columns, names, converters = [], [], []
    for place, field in enumerate(model._meta.concrete_fields):
        column = field.get_col(model._meta.db_table)
        columns.append(f"{connection.ops.quote_name(field.column)}")
        names.append(field.attname)
        chain = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        if chain:
            converters.append((place, _chained(chain, column)))
    statement = f"SELECT {', '.join(columns)} FROM {model._meta.db_table} WHERE id = %s"  # noqa: S608 - our own names
    return statement, names, converters


def _chained(chain: list[Callable[..., Any]], column: object) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        for step in chain:
            value = step(value, column, connection)
        return value

    return convert


@cache
def _insert(model: type[Model]) -> str:
    columns = [connection.ops.quote_name(f.column) for f in model._meta.concrete_fields]
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


@cache
def _update(model: type[Model]) -> str:
    sets = ", ".join(f"{connection.ops.quote_name(f.column)} = %s" for f in model._meta.concrete_fields)
    return f"UPDATE {model._meta.db_table} SET {sets} WHERE id = %s"  # noqa: S608
