"""Words as codes that fit an entry's public part."""

import re

from counterseal.ledger.entry import PublicValue
from counterseal.oversight.models import Use


def coded(words: str) -> str:
    """The words in lower case, ASCII letters, digits, dots and dashes, at most 40 characters.

    What is left empty by that, or would look like a digest, becomes `uncoded`; nothing at all is `none`.
    """
    if not words.strip():
        return "none"
    code = re.sub(r"[^a-z0-9.]+", "-", words.lower())[:40].strip("-.")
    return code if code and not re.search(r"[0-9a-f]{32}", re.sub(r"[.-]", "", code)) else "uncoded"


def codes_of_use(use: Use) -> dict[str, PublicValue]:
    """What an entry says in the open of a use that comes onto the register."""
    return {
        "use": use.id,
        "name": coded(use.name),
        "kind": use.kind,
        "law_enforcement": use.law_enforcement,
    }
