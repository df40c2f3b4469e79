"""Services and uses as the log's public codes tell them: who runs them, under which contract, how often used.

Contracts with vendors are public (JFL/contracts), and so are tests that failed, and plans of tests that nobody
concluded.
"""

from collections.abc import Mapping
from typing import TypeAlias

from counterseal.ledger.entry import Entry
from counterseal.oversight.figures.rule import SEALED_KIND

Line: TypeAlias = "dict[str, str | int | bool]"

UNKNOWN = "not-in-the-log"
_COUNTED = {SEALED_KIND: "searches", "verification.intent": "verifications"}
_TESTS = {"passed": "tests_passed", "failed": "tests_failed", "not-shown": "tests_not_shown"}
_SERVICE = ("name", "operator", "algorithm", "version", "contract")


def services(entries: Mapping[int, Entry]) -> list[Line]:
    """Each service: as registered last, its standing, its tests, plans that are open, and how many searches it got."""
    lines: dict[str, Line] = {}

    def line(entry: Entry) -> Line:
        service = str(entry.public.get("service", "none"))
        fresh: Line = {"service": service, **dict.fromkeys(_SERVICE, UNKNOWN), "status": "unreviewed"}
        return lines.setdefault(
            service, fresh | dict.fromkeys(("searches", "verifications", *_TESTS.values(), "plans_open"), 0)
        )

    for entry in _in_order(entries):
        match entry.kind:
            case "service.registered":
                line(entry).update({name: _code(entry, name) for name in _SERVICE})
            case "service.version-changed":
                line(entry).update(version=_code(entry, "version"), status=entry.outcome)
            case "service.decided" | "service.review-closed":
                line(entry)["status"] = entry.outcome
            case "test.planned":
                line(entry)["plans_open"] = int(line(entry)["plans_open"]) + 1
            case "service.tested" | "test.concluded":
                result = _TESTS.get(entry.outcome, "tests_not_shown")
                line(entry)[result] = int(line(entry)[result]) + 1
                if entry.kind == "test.concluded":
                    line(entry)["plans_open"] = int(line(entry)["plans_open"]) - 1
            case kind if kind in _COUNTED:
                line(entry)[_COUNTED[kind]] = int(line(entry)[_COUNTED[kind]]) + 1
    return [lines[service] for service in sorted(lines)]


def uses(entries: Mapping[int, Entry]) -> list[Line]:
    """Each use: whether it is law enforcement, its standing, and how many searches ran under it."""
    lines: dict[str, Line] = {}

    def line(entry: Entry) -> Line:
        use = str(entry.public.get("use", "none"))
        unknown: Line = {"use": use, "name": UNKNOWN, "law_enforcement": UNKNOWN}
        return lines.setdefault(use, unknown | {"status": "under-review", "searches": 0, "verifications": 0})

    for entry in _in_order(entries):
        match entry.kind:
            case "use.proposed" | "use.imported":
                law = "yes" if entry.public.get("law_enforcement") is True else "no"
                line(entry).update(name=_code(entry, "name"), law_enforcement=law)
            case "use.reviewed":
                line(entry)["status"] = _code(entry, "status")
            case "use.changed":
                line(entry)["status"] = "under-review"
            case "use.suspended":
                line(entry)["status"] = "suspended"
            case kind if kind in _COUNTED:
                line(entry)[_COUNTED[kind]] = int(line(entry)[_COUNTED[kind]]) + 1
    return [lines[use] for use in sorted(lines)]


def _in_order(entries: Mapping[int, Entry]) -> list[Entry]:
    return [entries[index] for index in sorted(entries)]


def _code(entry: Entry, name: str) -> str:
    return str(entry.public.get(name, UNKNOWN))
