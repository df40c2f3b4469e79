"""Read a report's pages as a program would: sections, tables row by row, headings, and what refers to what."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr", "path", "rect", "line", "circle", "polyline", "polygon"}


@dataclass
class Page(HTMLParser):
    """Parsed. rows: (section letter, cells) of every table row below the head; tags: every tag with its attributes."""

    rows: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    heads: list[tuple[str, ...]] = field(default_factory=list)
    headings: list[tuple[str, str]] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._section, self._cells, self._cell = "", list[str](), None
        self._in_head, self._heading, self._caption = False, "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag in ("h1", "h2", "h3"):
            self._heading = tag
            self.headings.append((tag, ""))
            if tag == "h2":
                self._section = given.get("id") or ""
        elif tag == "thead":
            self._in_head = True
        elif tag == "tr":
            self._cells = []
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "caption":
            self._caption = True
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.unclosed, f"</{tag}> closes nothing"
            assert self.unclosed[-1] == tag, f"</{tag}> closes <{self.unclosed[-1]}>"
            self.unclosed.pop()
        if tag in ("h1", "h2", "h3"):
            self._heading = ""
        elif tag == "thead":
            self._in_head = False
        elif tag in ("td", "th"):
            self._cells.append(" ".join((self._cell or "").split()))
            self._cell = None
        elif tag == "tr" and self._in_head:
            self.heads.append(tuple(self._cells))
        elif tag == "tr":
            self.rows.append((self._section, tuple(self._cells)))
        elif tag == "caption":
            self._caption = False

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] == "style":
            return
        self.text.append(data)
        if self._cell is not None:
            self._cell += data
        if self._heading:
            tag, so_far = self.headings[-1]
            self.headings[-1] = (tag, so_far + data)
        if self._caption:
            self.captions[-1] += data


def parsed(page: str | bytes) -> Page:
    """The page; every tag that opens is closed in order."""
    made = Page()
    made.feed(page if isinstance(page, str) else page.decode())
    made.close()
    assert made.unclosed == []
    return made
