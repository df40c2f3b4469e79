"""What holds each clause, and what does not: the page that anybody can read.

Nothing is claimed here that does not follow from the packs: a clause is held by what its `held_by` names, and
each holder shows itself, cedar by a case that fails without the policy, the others by a named test or a form.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from counterseal.policy.cases import Case
from counterseal.policy.composition import Layer
from counterseal.policy.library import PolicyLibrary
from counterseal.policy.pack import Clause, Holder, Source

_OTHERS = frozenset(Holder) - {Holder.CEDAR, Holder.ORGANISATIONAL, Holder.NOT_COVERED}


@dataclass(frozen=True, slots=True)
class Covered:
    """One clause. in_force: its pack decides at the instant asked about. policies, duties, cases: by name."""

    clause: Clause
    source: Source
    in_force: bool
    policies: tuple[str, ...]
    duties: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What its holders do not show of themselves; empty where all is well."""
        clause, faults = self.clause, []
        if Holder.CEDAR in clause.held_by and not self.cases:
            faults.append(f"`{clause.id}` is held by cedar and no case shows it")
        if _OTHERS & set(clause.held_by) and not clause.tests:
            held = ", ".join(sorted(_OTHERS & set(clause.held_by)))
            faults.append(f"`{clause.id}` is held by {held} and names no test")
        return tuple(faults)


def coverage(library: PolicyLibrary, cases: Sequence[Case], *, at: datetime) -> tuple[Covered, ...]:
    """Every clause of every pack that was loaded, pack by pack; those that are composed come first."""
    deciding = {pack.source.id for pack in library.in_force(at).packs}
    composed = library.composition(at).packs
    order = {name: number for number, name in enumerate(composed)}
    rows = []
    for pack in sorted(
        library.packs, key=lambda pack: (order.get(pack.source.id, len(order)), pack.source.id)
    ):
        for clause in pack.clauses.values():
            policies = tuple(p.id for p in pack.policies if clause.id in p.clauses)
            duties = tuple(d.id for d in pack.duties if d.clause == clause.id)
            opened = {d.name for d in pack.duties if d.clause == clause.id}
            shown = tuple(
                case.name
                for case in cases
                if clause.id in case.clauses or opened & (case.obligations or frozenset())
            )
            rows.append(Covered(clause, pack.source, pack.source.id in deciding, policies, duties, shown))
    return tuple(rows)


def floor_in_words(library: PolicyLibrary, at: datetime) -> str:
    """Whether the texts alone are in force or more than they say, in a sentence for a page."""
    overlays = library.composition(at).overlays
    more = "beyond-the-text" in overlays
    others = [name for name in overlays if name != "beyond-the-text"]
    said = (
        "In force: the texts, and beyond them what critics ask for (`beyond-the-text`)."
        if more
        else "In force: the literal floor of the texts; `beyond-the-text` is off."
    )
    return said + (
        f" Overlays: {', '.join(f'`{name}`' for name in others)}." if others else " No other overlay."
    )


def _standing(row: Covered) -> str:
    since = f"decides since {row.source.in_force_from}" if row.in_force else "does not decide here"
    return f"{row.source.status}; {since}"


def _holders(clause: Clause) -> str:
    return ", ".join(clause.held_by)


def _shown_by(row: Covered) -> Iterable[str]:
    clause = row.clause
    if row.policies or row.duties:
        yield "policies: " + ", ".join(f"`{name}`" for name in (*row.policies, *row.duties))
    if row.cases:
        many = f"{len(row.cases)} cases, for example" if len(row.cases) > 1 else "1 case"
        yield f"{many}: {row.cases[0]}"
    for test in clause.tests:
        yield f"test: `{test}`"
    if clause.form:
        yield f"form: {clause.form.who} attests, {clause.form.every}: {clause.form.what}"
    if clause.reason:
        yield f"NOT COVERED: {clause.reason}"
    if not clause.verified:
        yield "UNVERIFIED: nobody here could read the text of this line"
    if clause.note:
        yield clause.note


def coverage_markdown(rows: Sequence[Covered], floor: str) -> str:
    """The page as Markdown."""
    lines = [
        "# What holds each clause",
        "",
        "Written by `counterseal policy coverage --markdown docs/reference/coverage.md`; a test compares the two. Each",
        "clause is in our words. *Held by* is true to what is built: `cedar` a policy decides it before the act,",
        "`transition` a required step, `engine` the code path itself, `evaluation gate` a test that must be passed,",
        "`register` a sealed record, `organisational` a person attests to it, `not covered` nothing holds it yet.",
        "",
        floor,
        "",
        _counted(rows),
        "",
        "## Not covered, or not wholly",
        "",
    ]
    lines += [f"- `{row.clause.id}`: {row.clause.reason}" for row in rows if row.clause.reason] or [
        "Nothing."
    ]
    pack = ""
    for row in rows:
        if row.source.id != pack:
            pack = row.source.id
            lines += ["", f"## `{pack}`: {row.source.title}", ""]
            lines += [f"{row.source.issuer}, {row.source.version}. {row.source.reference}.", ""]
            lines += [f"{_standing(row).capitalize()}. {row.source.note}", ""]
            lines += ["| clause | kind | section | says | held by | shown by |", "|---|---|---|---|---|---|"]
        cells = [f"`{row.clause.id}`", row.clause.kind, row.clause.section, row.clause.says, _holders(row.clause),
                 "; ".join(_shown_by(row))]  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _counted(rows: Sequence[Covered]) -> str:
    bare = [row for row in rows if row.clause.held_by == (Holder.NOT_COVERED,)]
    partly = [row for row in rows if Holder.NOT_COVERED in row.clause.held_by and row not in bare]
    unverified = [row for row in rows if not row.clause.verified]
    overlays = sum(row.source.layer is Layer.OVERLAY for row in rows)
    return (
        f"{len(rows)} clauses, {overlays} of them of overlays: {len(rows) - len(bare) - len(partly)} held, "
        f"{len(partly)} held in part, {len(bare)} not covered; {len(unverified)} whose text nobody here could read."
    )


_CODE = re.compile(r"`([^`]*)`")
PAGE_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #71767a;padding:.4rem .6rem;"
    "text-align:left;vertical-align:top}caption{text-align:left;font-weight:700;padding:.5rem 0}"
    "td:last-child{overflow-wrap:anywhere;width:38%}td:nth-child(4){width:28%}td ul{margin:0;padding-left:1.2rem}"
    ".no{background:#f8dfe2}.unread{background:#faf3d1}tbody th{width:14%}"
)


def coverage_html(rows: Sequence[Covered], floor: str) -> str:
    """The page as one HTML file without scripts."""

    def text(words: str) -> str:
        """Safe in HTML; what stands between backticks is code."""
        return _CODE.sub(r"<code>\1</code>", html.escape(words, quote=True))

    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>What holds each clause</title><style>{PAGE_STYLE}</style></head><body><main>"
        f"<h1>What holds each clause</h1><p>{text(floor)}</p><p>{text(_counted(rows))}</p>"
    ]
    pack = ""
    for row in rows:
        if row.source.id != pack:
            if pack:
                parts.append("</tbody></table></div>")
            pack = row.source.id
            parts.append(
                f"<h2>{text(row.source.title)}</h2><p>{text(row.source.issuer)}, {text(row.source.version)}. "
                f"{text(row.source.reference)}. {text(_standing(row).capitalize())}. {text(row.source.note)}</p>"
                f'<div role="region" aria-label="{text(pack)}" tabindex="0"><table><caption>{text(pack)}</caption>'
                "<thead><tr>"
                + "".join(
                    f'<th scope="col">{name}</th>'
                    for name in ("Clause", "Kind", "Section", "Says", "Held by", "Shown by")
                )
                + "</tr></thead><tbody>"
            )
        mark = ' class="no"' if row.clause.reason else ' class="unread"' if not row.clause.verified else ""
        shown = "".join(f"<li>{text(item)}</li>" for item in _shown_by(row))
        parts.append(
            f'<tr{mark} id="{text(row.clause.id)}"><th scope="row"><code>{text(row.clause.id)}</code></th>'
            f"<td>{row.clause.kind}</td><td>{text(row.clause.section)}</td><td>{text(row.clause.says)}</td>"
            f"<td>{text(_holders(row.clause))}</td><td><ul>{shown}</ul></td></tr>"
        )
    parts.append(("</tbody></table></div>" if pack else "") + "</main></body></html>\n")
    return "".join(parts)
