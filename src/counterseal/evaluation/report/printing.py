"""The full report as a tagged PDF (PDF/UA-1), by WeasyPrint.

Same input, same bytes: no clock is read, and the identifier of the file is made from the page. Nothing is fetched: a
page that asks for anything outside itself does not print.
"""

import hashlib
import logging
from typing import Any, NoReturn

from counterseal.terms.errors import UnavailableError

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


class PrintingUnavailableError(UnavailableError):
    """What prints a PDF is not here; names what to install."""


def pdf_of(page: str) -> bytes:
    """A page as PDF.

    Raises:
        PrintingUnavailableError: WeasyPrint, or Pango that it needs, is not here.
    """
    try:
        from weasyprint import HTML
        from weasyprint.text.fonts import FontConfiguration
    except (ImportError, OSError) as error:
        raise PrintingUnavailableError(
            f"no PDF can be made: {str(error).splitlines()[0][:200]}; install `counterseal[report]` and the "
            f"system's Pango (Debian: `apt-get install {PACKAGES}`), or leave the PDF out with `--no-pdf`; "
            "the pages are written"
        ) from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    made: Any = HTML(string=page, url_fetcher=_nothing, base_url="about:blank").write_pdf(
        pdf_variant="pdf/ua-1",
        pdf_identifier=hashlib.sha256(page.encode()).digest()[:16],
        font_config=FontConfiguration(),
    )
    assert isinstance(made, bytes)
    return made


def _nothing(url: str, *_: object, **__: object) -> NoReturn:
    raise ValueError(f"a report fetches nothing: {url[:80]}")
