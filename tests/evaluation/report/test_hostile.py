"""Words of a plan, a corpus, a group or a file name cannot steer pages, print, table or list of hashes."""

import copy
import csv
import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import parsed
from simulated import Json, Made

from browser import Window
from counterseal.evaluation.comparisons import EvaluationInputError
from counterseal.evaluation.report import build_report, documents, public_page, read_documents, report_page
from counterseal.evaluation.report.text import plain

BREAKS_OUT = (
    "</td></table></svg><script>document.title='taken'</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}"
)
STEERS = "A\x00B\x1b[2J\u202eevil\u2066\u2029CD"
RUNS_ON = "W" * 5_000
RIGHT_TO_LEFT = "שלום العربية " * 3
WORDS = (BREAKS_OUT, STEERS, RUNS_ON, RIGHT_TO_LEFT)
# What a program reads by its words, not people: changing these would be another document, not a hostile one.
FIXED = {"schema", "overall", "verdict", "direction", "threshold_rule", "measure", "sha256", "plan_sha256"} | {
    "result_sha256", "corpus", "grouping", "group", "labels", "a", "b", "mode", "unit", "name",
}  # fmt: skip


def _with(value: Any, words: str, key: str = "") -> Any:
    """The same document with these words wherever somebody's words stand."""
    if isinstance(value, dict):
        return {k: _with(v, words, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_with(v, words, key) for v in value]
    return words if isinstance(value, str) and key not in FIXED else value


def _hostile(made: Made, words: str) -> dict[str, Json]:
    """All four documents; groups are renamed everywhere alike."""
    renamed = {"A": words, "region": words}
    rename = lambda v: (  # noqa: E731
        {k: rename(x) if k in ("group", "grouping", "labels", "a", "b", "name") or isinstance(x, dict | list) else x
         for k, x in v.items()} if isinstance(v, dict)
        else [rename(x) for x in v] if isinstance(v, list)
        else renamed.get(v, v) if isinstance(v, str) else v
    )  # fmt: skip
    return {
        name: rename(_with(copy.deepcopy(getattr(made, name)), words))
        for name in ("plan", "corpus", "result", "verdict")
    }


@pytest.mark.parametrize("words", WORDS, ids=["breaks out", "steers", "runs on", "right to left"])
class TestHostileWords:
    def test_change_no_structure_of_the_pages(self, documents: Made, words: str) -> None:
        """The same tags in the same places: words stay words."""
        calm = _tags(_pages(_hostile(documents, "calm")))

        assert _tags(_pages(_hostile(documents, words))) == calm
        assert len(calm) > 1_000

    def test_run_nothing_and_keep_the_page_in_its_window(
        self, documents: Made, words: str, browser: Window, tmp_path: Path
    ) -> None:
        for name, page in _pages(_hostile(documents, words)).items():
            file = tmp_path / name
            file.write_text(page, "utf-8")
            visit = browser.visit(
                file.as_uri(),
                width=360,
                axe=False,
                then=lambda p: p.evaluate(
                    "[document.title, document.documentElement.scrollWidth - document.documentElement.clientWidth]"
                ),
            )

            assert visit.console == ()
            assert visit.outside == ()
            assert visit.found[0] != "taken"
            assert visit.found[1] == 0

    def test_leave_every_drawing_well_formed(self, documents: Made, words: str) -> None:
        drawings = re.findall(r"<svg .*?</svg>", _pages(_hostile(documents, words))["report.html"], re.DOTALL)

        for drawing in drawings:
            tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(drawing).iter()}
            assert tags <= {"svg", "title", "desc", "rect", "line", "text", "polyline", "polygon", "circle"}
        assert len(drawings) > 12


def _pages(made: dict[str, Json]) -> dict[str, str]:
    found = documents(made["result"], plan=made["plan"], corpus=made["corpus"], verdict=made["verdict"])
    return {"report.html": report_page(found), "public.html": public_page(found)}


def _tags(pages: dict[str, str]) -> list[str]:
    return [tag for page in pages.values() for tag, _ in parsed(page).tags]


def test_a_cell_of_the_table_is_no_formula(documents: Made) -> None:
    made = _hostile(documents, "=HYPERLINK(1)")
    sheet = build_report(_found(made), pdf=False).files["result.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(sheet)))
    texts = [r[k] for r in rows for k in ("item", "group", "measure", "method")]

    assert not any(t.startswith(("=", "+", "-", "@")) for t in texts)
    assert any("=HYPERLINK" in t for t in texts)


def _found(made: dict[str, Json]) -> Any:
    return documents(made["result"], plan=made["plan"], corpus=made["corpus"], verdict=made["verdict"])


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a\nb", "..", "a/b", "a\\b"])
def test_the_name_of_an_input_leads_nowhere(documents: Made, tmp_path: Path, name: str) -> None:
    """No file outside the folder is read, and the list of hashes keeps its lines."""
    made = copy.deepcopy(documents)
    made.result["inputs"][0]["name"] = name
    (tmp_path / "outside").write_bytes(b"secret")
    folder = made.write(tmp_path / "test")

    found = read_documents(folder)
    lines = build_report(found, pdf=False).files["sha256.txt"].decode().splitlines()

    assert name not in found.digests
    assert all(re.fullmatch(r"[0-9a-f]{64}  [a-z0-9.]+", line) for line in lines)


@given(st.text())
def test_any_words_become_one_harmless_run(words: str) -> None:
    """They can be written as UTF-8, hold no control character and turn no direction; done twice changes nothing."""
    shown = plain(words)

    shown.encode()
    assert shown == plain(shown)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]", shown)


def test_hostile_words_print(documents: Made) -> None:
    """The printer survives them, too; a long word does not hang it."""
    made = _hostile(documents, BREAKS_OUT + RIGHT_TO_LEFT + STEERS)
    made["result"] |= {"identification": None, "quality": None, "differentials": [], "matrices": []}  # faster
    report = build_report(_found(made))

    assert report.no_pdf is None
    assert report.files["report.pdf"].startswith(b"%PDF-1.7")


def test_half_a_character_is_refused(documents: Made, tmp_path: Path) -> None:
    """JSON can write a lone surrogate, UTF-8 cannot, so such a document has no digest."""
    made = copy.deepcopy(documents)
    made.plan["title"] = "half \ud800"
    folder = made.write(tmp_path / "test")

    with pytest.raises(EvaluationInputError, match="no canonical"):
        read_documents(folder)
