"""Sweeps over the whole tree. Each says how many things it saw, so that an empty sweep fails."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from gates import ROOT

from counterseal.policy import load_policies
from counterseal.policy.road import CLAUSES as ROAD

SRC = ROOT / "src/counterseal"
DOCS = ROOT / "docs"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CLAUSE = re.compile(r"(?<![\w/.-])((?:HSI-[MB]|D-026-11|road)/[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)(?![\w/-]|\.\w)")
TEXT = {".py", ".md", ".toml", ".cedar", ".cedarschema", ".json", ".svg", ".go", ".lock", ".sh", ""}


@cache
def tracked() -> tuple[Path, ...]:
    """Every text file that belongs to the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: nothing says which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(
        ROOT / name for name in listed if name and (ROOT / name).is_file() and Path(name).suffix in TEXT
    )


@cache
def text_of(path: Path) -> str:
    """A file's text; what is no text has none."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the package but Django's migrations, parsed."""
    for path in sorted(SRC.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, ast.parse(text_of(path))


class TestCode:
    def test_every_module_and_public_name_says_what_it_is(self) -> None:
        """A public name has a docstring as short as the truth."""
        seen, silent = 0, []
        for path, tree in modules():
            seen += 1
            if not ast.get_docstring(tree):
                silent.append(name_of(path))
            for node in tree.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    seen += 1
                    if not ast.get_docstring(node):
                        silent.append(f"{name_of(path)}:{node.lineno} {node.name}")

        assert silent == []
        assert seen > 400

    def test_no_function_is_empty(self) -> None:
        """A stub is a promise that nobody kept. A protocol's methods have no bodies: there `...` may stand."""
        seen, empty = 0, []
        for path, tree in modules():
            ports = {
                method
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(b) for b in node.bases)
                for method in node.body
            }
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node in ports:
                    continue
                seen += 1
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if all(_says_nothing(statement) for statement in body):
                    empty.append(f"{name_of(path)}:{node.lineno} {node.name}")

        assert empty == []
        assert seen > 500

    def test_every_error_is_of_the_one_family(self) -> None:
        """One base: a caller who catches it catches every promise of ours that was not kept."""
        classes: dict[str, set[str]] = {}
        for _, tree in modules():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    classes.setdefault(node.name, set()).update(
                        ast.unparse(base).rpartition(".")[2] for base in node.bases
                    )

        def ours(name: str) -> bool:
            return name == "CountersealError" or any(ours(base) for base in classes.get(name, ()))

        errors = {name for name in classes if name.endswith("Error") and "Exception" not in classes[name]}
        assert len(errors) > 20
        assert sorted(name for name in errors if not ours(name)) == sorted(NOT_OF_THE_FAMILY & errors)

    def test_no_clock_is_read_outside_the_ports(self) -> None:
        """Instants come in: bootstrap brings the clock, and a service's own process has one of its own."""
        readers = {
            name_of(path)
            for path, tree in modules()
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in {"now", "utcnow", "today"}
            and ast.unparse(node.value) in {"datetime", "date", "timezone"}
        }

        assert readers <= CLOCKS
        assert "src/counterseal/bootstrap.py" in readers


# Signals between functions of one room; caught there, never seen by a caller.
NOT_OF_THE_FAMILY = {"CedarError"}
# `decide` opens no installation: it brings the instant itself.
CLOCKS = {
    "src/counterseal/bootstrap.py",
    "src/counterseal/connectors/serve.py",
    "src/counterseal/cli/commands/decide.py",
    "src/counterseal/cli/commands/policy_prove.py",
    "src/counterseal/cli/commands/policy_say.py",
    # A test of one's own, without an installation; with one its clock is read.
    "src/counterseal/cli/commands/evaluate_run.py",
}


class TestTests:
    def test_helpers_have_names_of_their_own(self) -> None:
        """Tests import helpers by bare name: of two with one name, whichever folder came first would be loaded."""
        names = [
            path.name
            for path in sorted((ROOT / "tests").rglob("*.py"))
            if not path.name.startswith("test_") and path.name not in ("conftest.py", "__init__.py")
        ]

        assert sorted(names) == sorted(set(names))
        assert len(names) > 10


class TestClauses:
    def test_every_clause_named_anywhere_exists(self) -> None:
        """A clause id in code, policies or pages is one of the packs' or of the road's own, or the numbered
        section that several clauses stand under."""
        known = {clause.id for clause in load_policies(ROOT / "policies").clauses} | ROAD.keys()
        named: dict[str, str] = {}
        for path in tracked():
            if (
                path.suffix in {".py", ".md", ".toml", ".cedar", ".json"}
                and ROOT / "tests" not in path.parents
            ):
                for clause in CLAUSE.findall(text_of(path)):
                    named.setdefault(clause, name_of(path))

        sections = {f"{pack}/{rest.partition('-')[0]}" for pack, _, rest in (c.partition("/") for c in known)}
        assert {c: where for c, where in named.items() if c not in known | sections} == {}
        assert len(named) > 50


class TestPages:
    def test_every_page_is_reached_from_the_index(self) -> None:
        pages = {path.resolve() for path in DOCS.rglob("*.md")}
        reached, ahead = set(), [(DOCS / "index.md").resolve()]
        while ahead:
            page = ahead.pop()
            if page in reached or page not in pages:
                continue
            reached.add(page)
            ahead += [target for target, _ in _links(page)]

        assert sorted(name_of(page) for page in pages - reached) == []
        assert len(pages) > 20

    def test_every_link_leads_somewhere(self) -> None:
        seen, broken = 0, []
        for page in (path for path in tracked() if path.suffix == ".md"):
            for target, written in _links(page):
                seen += 1
                if not target.exists():
                    broken.append(f"{name_of(page)}: {written}")

        assert broken == []
        assert seen > 60

    def test_every_dependency_has_its_reason(self) -> None:
        """docs/adr/0002-dependencies.md: one line for each, and no line for what is gone."""
        with (ROOT / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        wanted = {
            re.split(r"[<>=!~ \[]", line)[0].replace("_", "-").lower()
            for line in [
                *project["dependencies"],
                *(line for extra in project["optional-dependencies"].values() for line in extra),
            ]
        }
        page = (DOCS / "adr/0002-dependencies.md").read_text(encoding="utf-8")
        explained = {name.lower() for name in re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE)}

        assert explained == wanted
        assert len(wanted) > 15

    def test_every_kind_of_entry_is_described(self) -> None:
        """docs/reference/entries.md lists each kind that the gateway seals."""
        page = (DOCS / "reference/entries.md").read_text(encoding="utf-8")
        described = set(re.findall(r"^\| `([a-z.-]+)` \|", page, re.MULTILINE))
        kinds = set(_kinds())

        assert sorted(kinds - described) == []
        assert len(kinds) > 40

    def test_every_make_target_is_told_in_contributing(self) -> None:
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

        assert [target for target in targets if f"make {target}" not in page] == []
        assert len(targets) >= 5

    def test_every_gate_is_told_in_contributing(self) -> None:
        """A gate we drop leaves CONTRIBUTING the same day."""
        text = (ROOT / "tools/run_tests").read_text(encoding="utf-8")
        gates = re.findall(r'^    \("([^"]+)", \("', text, re.MULTILINE)
        page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

        assert [gate for gate in gates if gate not in page] == []
        assert len(gates) == 7

    def test_decisions_are_numbered_without_a_gap_and_say_the_four_things(self) -> None:
        pages = sorted(path for path in (DOCS / "adr").glob("[0-9]*.md"))

        assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
        for page in pages:
            headings = re.findall(r"^## (.+)$", text_of(page), re.MULTILINE)
            assert headings == ["Context", "Options", "Choice", "What we will regret"], name_of(page)
        assert len(pages) >= 12


class TestEveryFile:
    @pytest.mark.parametrize(
        ("what", "pattern"),
        [
            ("a path of somebody's machine", r"(?<![\w.])/(?:work|root|home|Users)/\w"),
            ("unfinished work", r"\b(?:TO" + r"DO|FIX" + r"ME|HA" + r"CK)\b"),
            ("a merge left open", r"^(?:<{7}|>{7}) "),
        ],
    )
    def test_holds_none_of(self, what: str, pattern: str) -> None:
        found = [
            f"{name_of(path)}:{number}"
            for path in tracked()
            if path.suffix != ".lock"
            for number, line in enumerate(text_of(path).splitlines(), start=1)
            if re.search(pattern, line) and path != Path(__file__)
        ]

        assert found == [], what
        assert len(tracked()) > 150

    def test_names_no_address_of_a_person(self) -> None:
        """`.example` domains only. A type such as `name@v1` of a format is no address."""
        address = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")
        found = [
            f"{name_of(path)}: {each}"
            for path in tracked()
            for each in address.findall(text_of(path))
            if not each.endswith(".example")
        ]

        assert found == []

    def test_names_no_host_of_a_package_registry(self) -> None:
        """An agency points its tools at a mirror of its own; no file of ours stands in the way."""
        hosts = [".".join(parts) for parts in REGISTRIES]
        found = [
            f"{name_of(path)}: {host}"
            for path in tracked()
            for host in hosts
            if host in text_of(path).lower()
        ]

        assert found == []
        assert len(hosts) >= 8


REGISTRIES = (
    ("py" + "pi", "org"),
    ("py" + "thonhosted", "org"),
    ("ana" + "conda", "org"),
    ("ana" + "conda", "com"),
    ("npm" + "js", "org"),
    ("npm" + "js", "com"),
    ("proxy", "gol" + "ang", "org"),
    ("cra" + "tes", "io"),
    ("hugging" + "face", "co"),
)


class TestLocks:
    @pytest.mark.parametrize(
        "lock",
        [
            "requirements.lock",
            "requirements-build.lock",
            "requirements-oscal.lock",
            "requirements-peers.lock",
        ],
    )
    def test_every_requirement_is_under_a_hash_and_no_line_names_an_address(self, lock: str) -> None:
        text = (ROOT / lock).read_text(encoding="utf-8")
        blocks = re.split(r"\n(?=\w)", text.strip())
        bare = [block.split()[0] for block in blocks if "--hash=sha256:" not in block]

        assert bare == []
        assert all(re.match(r"[\w.-]+==[\w.+!-]+", block) for block in blocks)
        assert "://" not in text
        assert "--index" not in text
        assert len(blocks) >= {"requirements.lock": 40, "requirements-oscal.lock": 20}.get(lock, 1)


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Raise):
        return "NotImplementedError" in ast.unparse(statement)
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is Ellipsis
    )


def _links(page: Path) -> list[tuple[Path, str]]:
    """Where a page's relative links lead, and how they are written."""
    links = []
    for written in LINK.findall(text_of(page)):
        if not re.match(r"[a-z]+:|#", written):
            links.append(((page.parent / written.partition("#")[0]).resolve(), written))
    return links


def _kinds() -> Iterator[str]:
    """The kinds of entries that `seal` and `refuse` are called with, and those of refused transitions."""
    kind = re.compile(r"[a-z][a-z-]*(\.[a-z-]+){1,2}")
    for path, tree in modules():
        if path.parent.name not in {"gateway", "audit"} and path.name not in {"bootstrap.py", "entry.py"}:
            continue
        for node in ast.walk(tree):
            sources: list[ast.expr] = []
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"seal", "refuse"}
            ):
                sources = [a for a in node.args[:1] if not isinstance(a, ast.JoinedStr)]
            if isinstance(node, ast.Call):
                sources += [k.value for k in node.keywords if k.arg == "kind"]
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"kind", "KEY_ROTATED"}:
                sources.append(node.value)
            for source in sources:
                for part in ast.walk(source):
                    if isinstance(part, ast.Constant) and kind.fullmatch(str(part.value)):
                        yield str(part.value)
    for room in ("casework", "oversight"):
        tables = re.findall(
            r'"' + room + r'\.(\w+)"', (SRC / room / "transitions.py").read_text(encoding="utf-8")
        )
        assert tables, room
        yield from (f"{table}.refused" for table in tables)
