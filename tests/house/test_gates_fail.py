"""Each gate is seen to fail on a planted fault, and to pass without it. A gate that cannot fail is none."""

import tomllib

import pytest
from gates import ROOT, Copy

WALLS = {
    "django in the log": ("ledger/tree.py", "import django", "counterseal.ledger.tree -> django"),
    "a socket in the policies": ("policy/decide.py", "import socket", "counterseal.policy.decide -> socket"),
    "a clock in the log": ("ledger/entry.py", "import time", "counterseal.ledger.entry -> time"),
    "Cedar outside its room": (
        "gateway/search.py",
        "import cedarpy",
        "counterseal.gateway.search -> cedarpy",
    ),
    "the engine in another verb": (
        "gateway/search.py",
        "import counterseal.biometrics.embedded",
        "counterseal.gateway.search -> counterseal.biometrics.embedded",
    ),
    "a network outside biometrics": (
        "connectors/serve.py",
        "import onnxruntime",
        "counterseal.connectors.serve -> onnxruntime",
    ),
    "one middle room in another": (
        "people/models.py",
        "import counterseal.casework.words",
        "counterseal.people.models -> counterseal.casework.words",
    ),
    "a lower room in a higher one": (
        "casework/narrative.py",
        "import counterseal.gateway.found",
        "counterseal.casework.narrative -> counterseal.gateway.found",
    ),
    "a database behind two doors": (
        "casework/evidence_graph.py",
        "import counterseal.casework.models",
        "counterseal.casework.evidence_graph -> counterseal.casework.models",
    ),
}


class TestImportLinter:
    def test_passes_on_the_tree_as_it_is(self, copy: Copy) -> None:
        said = copy.gate("lint-imports", "--no-cache")

        assert said.code == 0, said.text
        assert " 0 broken" in said.text

    def test_names_every_breach_of_a_wall(self, copy: Copy) -> None:
        """All faults at once: the linter reads the tree one time and must name each."""
        for file, fault, _ in WALLS.values():
            copy.plant(f"src/counterseal/{file}", f"\n{fault}\n")

        said = copy.gate("lint-imports", "--no-cache")

        assert said.code == 1
        assert len(WALLS) >= 9
        for what, (_, _, named) in WALLS.items():
            assert named in said.text, what

    def test_names_a_room_that_nobody_placed(self, copy: Copy) -> None:
        """The layers are exhaustive: a new room says where it stands."""
        (copy.root / "src/counterseal/annexe.py").write_text('"""A room without a place."""\n')

        said = copy.gate("lint-imports", "--no-cache")

        assert said.code == 1
        assert "annexe" in said.text


class TestMypy:
    @pytest.mark.parametrize(
        ("fault", "named"),
        [
            ("def planted(value):\n    return value\n", "missing a type annotation"),
            ("def planted() -> int:\n    return 'three'\n", "Incompatible return value"),
        ],
    )
    def test_names_a_fault_of_types(self, copy: Copy, fault: str, named: str) -> None:
        """The project's own options, less the plugin for Django, which this one file does not need."""
        with (ROOT / "pyproject.toml").open("rb") as file:
            options = tomllib.load(file)["tool"]["mypy"]
        assert options["strict"] is True
        (copy.root / "mypy.ini").write_text("[mypy]\nstrict = True\n")
        copy.plant("src/counterseal/terms/errors.py", f"\n\n{fault}")

        said = copy.gate("mypy", "--config-file", "mypy.ini", "src/counterseal/terms/errors.py")

        assert said.code == 1
        assert "src/counterseal/terms/errors.py:" in said.text
        assert named in said.text

    def test_passes_without_it(self, copy: Copy) -> None:
        (copy.root / "mypy.ini").write_text("[mypy]\nstrict = True\n")

        assert copy.gate("mypy", "--config-file", "mypy.ini", "src/counterseal/terms/errors.py").code == 0


class TestRuff:
    def test_names_an_unused_import_and_an_unsafe_call(self, copy: Copy) -> None:
        assert copy.gate("ruff", "check", "src/counterseal/terms/errors.py").code == 0
        copy.plant("src/counterseal/terms/errors.py", "\nimport os\n\n\neval('1')\n")

        said = copy.gate("ruff", "check", "--output-format", "concise", "src/counterseal/terms/errors.py")

        assert said.code == 1
        assert "src/counterseal/terms/errors.py:" in said.text
        assert "F401" in said.text
        assert "S307" in said.text

    def test_names_a_file_of_another_layout(self, copy: Copy) -> None:
        copy.plant("src/counterseal/terms/errors.py", "\n\nPLANTED = {'a':1}\n")

        said = copy.gate("ruff", "format", "--check", "src/counterseal/terms/errors.py")

        assert said.code == 1
        assert "errors.py" in said.text


class TestClauseGate:
    def test_names_a_policy_that_no_case_needs(self, copy: Copy) -> None:
        """Faults of the packs themselves are in tests/policy; this is the command that `make test` runs."""
        copy.plant(
            "policies/dhs-026-11/rules.cedar",
            '\n@id("planted-idle")\n@clause("D-026-11/no-mass-surveillance")\n@missing("Nothing.")\n'
            '@remedy("Nothing.")\n'
            'forbid (principal, action == Action::"analysis", resource) when { resource.id == "nobody-asks" };\n',
        )

        said = copy.gate("python", "tools/clause_gate.py")

        assert said.code == 1, said.text
        assert "nothing notices that `planted-idle` is gone" in said.text


class TestWords:
    @pytest.mark.parametrize(
        ("file", "fault", "named"),
        [
            ("src/counterseal/terms/errors.py", "\nSAYS = 'the best match of the list'\n", "match"),
            ("src/counterseal/terms/errors.py", "\nSAYS = f'{1} hits'\n", "hits"),
            ("src/counterseal/terms/errors.py", "\nSAYS = 'the man was identified'\n", "identified"),
            ("src/counterseal/gateway/search.py", "\nSAYS = 'confidence: 97'\n", "confidence"),
            ("policies/hsi-frs-2021/conditions.toml", "\n# the log is tamper-proof\n", "tamper-proof"),
            ("src/counterseal/gateway/search.py", "\nSAYS = 'an embedding'\n", "embedding"),
            ("GLOSSARY.md", "\nThe log is a blockchain.\n", "blockchain"),
        ],
    )
    def test_names_the_word_and_its_place(self, copy: Copy, file: str, fault: str, named: str) -> None:
        copy.plant(file, fault)

        said = copy.gate("python", "tools/words.py", ".")

        assert said.code == 1
        assert any(line.startswith(f"{file}:") and f"`{named}`" in line for line in said.text.splitlines())

    def test_passes_without_it(self, copy: Copy) -> None:
        assert copy.gate("python", "tools/words.py", ".").code == 0

    def test_an_empty_folder_is_no_pass(self, copy: Copy) -> None:
        (copy.root / "empty").mkdir()

        assert copy.gate("python", "tools/words.py", "empty").code == 2
