"""Say things: one JSON document on standard output with `--json`, else words and tables for a reader.

Notes, progress bars and errors go to standard error. No colour and no bars where that is no terminal;
NO_COLOR is honoured. Control characters in what is shown are replaced: a record cannot drive a terminal.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from counterseal.cli.outcome import Exit, Outcome, error_json

PLAIN_WIDTH = 120  # where there is no terminal whose width could be asked


def plain(value: object) -> str:
    """A value in words, without control characters."""
    match value:
        case None | "":
            said = "-"
        case bool():
            said = "yes" if value else "no"
        case str():
            said = value
        case Mapping():
            said = ", ".join(f"{k}: {plain(v)}" for k, v in value.items()) or "-"
        case Sequence():
            said = ", ".join(plain(v) for v in value) or "none"
        case _:
            said = str(value)
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in said)


class Voice:
    """How one command speaks. as_json: one JSON document and nothing else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    def tell(self, outcome: Outcome) -> None:
        """The answer of a command."""
        if self.as_json:
            self.json(outcome.data)
            return
        if outcome.raw:
            sys.stdout.write(outcome.raw)
            return
        data = dict(outcome.data)
        if outcome.headline:
            style = "bold green" if outcome.code is Exit.DONE else "bold red"
            self.out.print(Text(plain(outcome.headline), style=style))
        if data.get("decision") == "refused":
            self.unmet(data.pop("unmet"))
            for said in ("decision", "clauses", "pack_digest"):
                data.pop(said, None)
        tables = outcome.tables or {}
        for name in (*outcome.hidden, *tables):
            if name in data and name not in tables:
                del data[name]
        rows = {name: data.pop(name) for name in tables if name in data}
        self._facts(data)
        for name, columns in tables.items():
            self._table(rows.get(name, ()), columns, name)
        for line in outcome.then:
            self.out.print(Text(plain(line), style="cyan"), soft_wrap=True)

    def unmet(self, unmet: Sequence[Mapping[str, str]]) -> None:
        """Every unmet condition with its clause, what is missing, and the remedy."""
        for number, condition in enumerate(unmet, start=1):
            line = Text(f"{number:>3}  ")
            line.append(plain(condition["clause"]), style="bold")
            self.out.print(line)
            self.out.print(Padding(Text(plain(condition["missing"])), (0, 0, 0, 5)))
            self.out.print(Padding(Text(f"Remedy: {plain(condition['remedy'])}", style="cyan"), (0, 0, 0, 5)))

    def json(self, data: Mapping[str, Any]) -> None:
        """One JSON document on standard output."""
        sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something beside the answer. Nothing with `--json`."""
        if not self.as_json:
            self.err.print(Text(plain(text), style="dim"), soft_wrap=True)

    def error(self, code: Exit, says: str) -> None:
        """An error: what is wrong and what to do."""
        if self.as_json:
            self.json(error_json(code, says))
            return
        line = Text("error: ", style="bold red")
        line.append(plain(says), style="default")
        self.err.print(line, soft_wrap=True)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar; call what it yields with how many are done. total: None where nobody knows."""
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        if total is None:
            columns.pop(2)
        shown = not self.as_json and self.err.is_terminal
        with Progress(*columns, console=self.err, transient=False, disable=not shown) as bar:
            task = bar.add_task(label, total=total)
            yield lambda done: bar.update(task, completed=done)

    def _facts(self, data: Mapping[str, Any]) -> None:
        if not data:
            return
        width = max(len(name) for name in data) + 2
        for name, value in data.items():
            line = Text(f"{name.replace('_', ' '):<{width}}", style="bold")
            sentences = isinstance(value, list) and any(isinstance(v, str) and " " in v for v in value)
            if sentences or (isinstance(value, str) and "\n" in value):
                self.out.print(line)
                for each in value if sentences else [value]:
                    self.out.print(Padding(Text(plain(each)), (0, 0, 0, 4)))
                continue
            line.append(plain(value), style="default")
            self.out.print(line, soft_wrap=not self.out.is_terminal)

    def _table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> None:
        self.out.print(Text(f"{title.replace('_', ' ')}: {len(rows) or 'none'}", style="bold"))
        if not rows:
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), header_style="dim")
        for column in columns:
            table.add_column(column.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(Text(plain(row.get(column))) for column in columns))
        self.out.print(table)


def _console(file: IO[str]) -> Console:
    terminal = file.isatty()
    return Console(file=file, markup=False, highlight=False, width=None if terminal else PLAIN_WIDTH)
