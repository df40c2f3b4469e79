"""docs/reference/facts.md is written from the schema and stays so."""

import subprocess
import sys

from counterseal.policy.reference import facts_reference


def test_the_page_is_the_one_that_the_schema_gives(root, library) -> None:
    """Else: python -m counterseal.policy.reference policies > docs/reference/facts.md"""
    page = (root / "docs" / "reference" / "facts.md").read_text("utf-8")

    assert page == facts_reference(library)


def test_every_fact_stands_on_the_page(root, library) -> None:
    page = facts_reference(library)
    leaves = {leaf for shape in library.shapes.values() for leaf in shape.leaves}

    assert len(leaves) > 100
    assert all(f"`{leaf}`" in page for leaf in leaves)


def test_the_command_prints_the_page(root, library) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "counterseal.policy.reference", str(root / "policies")],
        capture_output=True, check=True, text=True, encoding="utf-8",
    )  # fmt: skip

    assert done.stdout == facts_reference(library)
