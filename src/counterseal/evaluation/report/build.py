"""Put a report together: pages, flat table, print and hashes, all from one list of numbers.

Order: result.csv, then report.html (names the digest of the table), then report.pdf, then public.html (names all of
them), then sha256.txt, which `sha256sum -c` reads.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from counterseal.evaluation.report.documents import HASHES, Documents
from counterseal.evaluation.report.measured import as_csv, everything
from counterseal.evaluation.report.printing import PrintingUnavailableError, pdf_of
from counterseal.evaluation.report.public import public
from counterseal.evaluation.report.sections import sections
from counterseal.evaluation.report.text import plain


@dataclass(frozen=True, slots=True)
class Report:
    """What was made: file name -> bytes. no_pdf: why there is no PDF though one was asked for."""

    files: Mapping[str, bytes]
    no_pdf: str | None = None


def build_report(documents: Documents, *, pdf: bool = True) -> Report:
    """Every file of the report. Reads nothing else and writes nothing; where no PDF can be made, the rest is there."""
    made = {"result.csv": as_csv(everything(documents.result))}
    table = digests(made)
    made["report.html"] = report_page(documents, table).encode()
    why = None
    if pdf:
        try:
            made["report.pdf"] = pdf_of(report_page(documents, table, printed=True))
        except PrintingUnavailableError as error:
            why = str(error)
    made["public.html"] = public_page(documents, digests(made)).encode()
    listed = {**documents.digests, **digests(made)}
    made[HASHES] = "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items())).encode()
    return Report(made, why)


def report_page(documents: Documents, made: Mapping[str, str] | None = None, *, printed: bool = False) -> str:
    """The full report. made: digests of files that the page names. printed: for print, where nothing can be opened."""
    plan = documents.plan or {}
    service = (plan.get("system") or {}).get("service")
    return _page(
        "report.html.j2",
        title=plan.get("title") or f"Test of {plain(service) if service else 'a face recognition service'}",
        sections=sections(documents),
        verdict=documents.verdict,
        faults=documents.faults,
        made=made or {},
        printed=printed,
    )


def public_page(documents: Documents, made: Mapping[str, str] | None = None) -> str:
    """The page for the public."""
    return _page("public.html.j2", page=public(documents), digests={**documents.digests, **(made or {})})


def digests(made: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 (hex) of each file."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in made.items()}


def _page(template: str, **given: object) -> str:
    style = _shipped("style.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Our own file, not somebody's words.
    ours = Markup(style)  # noqa: S704
    return _environment().get_template(template).render(style=ours, style_digest=digest, **given)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_shipped),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = lambda words: max(map(len, plain(words).split()), default=0)
    return environment


def _harmless(value: object) -> object:
    return value if isinstance(value, Markup) else plain(value)


def _shipped(name: str) -> str:
    return files("counterseal.evaluation.report").joinpath("templates", name).read_text("utf-8")
