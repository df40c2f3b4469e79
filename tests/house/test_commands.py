"""Every command that a page tells somebody to type exists, with those options; and so do codes and settings."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
from gates import ROOT

from counterseal.cli.main import COMMANDS, cli
from counterseal.cli.outcome import Exit

TYPED = re.compile(r"(?:\.venv/bin/)?counterseal ([a-z][^`|#\n]*)")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def typed() -> Iterator[tuple[Path, str]]:
    """Every command line in the pages, without the reference, which is written from the commands themselves."""
    pages = [ROOT / name for name in PAGES] + sorted((ROOT / "docs").rglob("*.md"))
    for page in pages:
        if page.name == "cli.md":
            continue
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                if found := re.match(rf"(?:\s*){TYPED.pattern}", line):
                    yield page, found.group(1)
        for span in re.findall(r"`([^`\n]+)`", re.sub(r"```\n.*?```", "", text, flags=re.DOTALL)):
            if found := re.match(TYPED.pattern, span):
                yield page, found.group(1)


def _of_evaluate(context: click.Context) -> list[str]:
    group = cli.get_command(context, "evaluate")
    assert isinstance(group, click.Group)
    return group.list_commands(context)


def fault_of(line: str) -> str | None:
    """What is wrong with a command line; None where nothing is."""
    words = line.split()
    command: click.Command | None = cli
    context = click.Context(cli)
    if words[:1] == ["evaluate"] and words[1:2] and words[1] not in _of_evaluate(context):
        words.insert(1, "scores")  # `evaluate SCORES` needs no name: commands/evaluate.py
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words.pop(0))
    if command is None:
        return "there is no such command"
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else None


class TestCommandsInPages:
    def test_every_command_that_is_typed_exists(self) -> None:
        seen = list(typed())
        faults = [
            f"{page.relative_to(ROOT)}: counterseal {line}: {fault}"
            for page, line in seen
            if (fault := fault_of(line)) is not None
        ]

        assert faults == []
        assert len(seen) > 40

    def test_a_command_that_does_not_exist_is_seen(self) -> None:
        assert fault_of("ledger burn DIR") == "there is no such command"
        assert fault_of("fsck --export DIR") == "there is no option --export"
        assert fault_of("fsck --tiles DIR --home HOME") is None

    def test_the_reference_names_every_command(self) -> None:
        page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")

        assert [name for name in COMMANDS if f"counterseal {name}" not in page] == []
        assert len(COMMANDS) > 15


class TestExitCodes:
    def test_the_page_lists_the_codes_of_the_program(self) -> None:
        page = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
        listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}

        assert listed == {int(code) for code in Exit}


class TestServiceSettings:
    def test_the_page_lists_every_setting_that_a_service_reads(self) -> None:
        """service.toml: whatever the connectors ask of their configuration, by name."""
        read: set[str] = set()
        for path in (ROOT / "src/counterseal/connectors").glob("*.py"):
            text = path.read_text(encoding="utf-8")
            read |= set(re.findall(r"(?:config|\bc)(?:\.get\(|\[)\"([a-z_]+)\"", text))
        page = (ROOT / "docs/reference/service-folder.md").read_text(encoding="utf-8")

        assert sorted(name for name in read if f"`{name}`" not in page) == []
        assert len(read) >= 10
