"""Call a command of the command line in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from counterseal.cli.main import cli


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


Run = Callable[..., Ran]


def run_plain(*words: object, given: bytes | None = None, **env: str) -> Ran:
    """Call `counterseal` in this process, with nothing in the environment unless told."""
    clean: dict[str, str | None] = {"COUNTERSEAL_HOME": None, "COUNTERSEAL_AS": None, **env}
    result = CliRunner().invoke(cli, [str(w) for w in words], input=given, env=clean)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)
