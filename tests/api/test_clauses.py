"""The page of clauses, for anybody."""

import base64
import hashlib
import re

from interface import Interface


def test_everybody_reads_what_holds_each_clause(interface: Interface) -> None:
    said = interface.ask("GET", "/api/v1/clauses", key="")
    page = said.body.decode()

    assert (said.status, said.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    library = interface.sim.office.policies
    texts = [c.id for c in library.clauses if not c.id.startswith("road/")]
    assert len(texts) > 60
    assert [c for c in texts if f'id="{c}"' not in page] == []
    assert "not covered" in page


def test_the_page_runs_nothing_and_loads_nothing(interface: Interface) -> None:
    """Its one style is named by digest; everything else is barred."""
    said = interface.ask("GET", "/api/v1/clauses", key="")
    (style,) = re.findall(r"<style>(.*?)</style>", said.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert said.headers["Content-Security-Policy"] == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert "<script" not in said.body.decode()
    assert "style=" not in said.body.decode()


def test_nobody_asks_too_often(interface: Interface) -> None:
    answers = [interface.ask("GET", "/api/v1/clauses", key="").status for _ in range(21)]

    assert set(answers[:20]) == {200}
    assert answers[20] == 429
