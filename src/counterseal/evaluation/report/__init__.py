"""The report of one test: a full page, its print, a page for the public, a flat table, hashes.

Made from the documents in the test's folder and from nothing else, so every form shows the same numbers. Pages hold
no script and ask nobody for anything.
"""

from counterseal.evaluation.report.build import Report, build_report, public_page, report_page
from counterseal.evaluation.report.documents import Documents, documents, read_documents
from counterseal.evaluation.report.printing import PrintingUnavailableError

__all__ = [
    "Documents",
    "PrintingUnavailableError",
    "Report",
    "build_report",
    "documents",
    "public_page",
    "read_documents",
    "report_page",
]
