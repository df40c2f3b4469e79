"""The errors of this room. Each is bad input (what was brought is malformed) or a broken seal (integrity)."""

from counterseal.terms.errors import BadInputError, CountersealError, IntegrityError


class LedgerError(CountersealError):
    """Base of every error of the ledger."""


class MalformedEntryError(LedgerError, BadInputError):
    """The bytes are no entry, or the parts given do not make one."""


class EntryTooLargeError(MalformedEntryError):
    """The entry is longer than an entry bundle can carry (65,535 bytes)."""


class UncodedValueError(MalformedEntryError):
    """The public part holds something other than codes, whole numbers, booleans and lists of codes."""


class MalformedDisclosureError(LedgerError, BadInputError):
    """The text is no disclosure, or the value cannot be put into one."""


class ForeignDisclosureError(LedgerError, IntegrityError):
    """The disclosure is not one that this entry commits to, or it names something a second time."""


class ProofError(LedgerError, IntegrityError):
    """An inclusion or consistency proof does not lead to the root hash."""


class TreeRangeError(LedgerError, BadInputError):
    """An index, size or stored tree state that no tree can have."""


class MalformedKeyError(LedgerError, BadInputError):
    """The text is no Ed25519 verifier key, or the name cannot be a key's name."""


class MalformedNoteError(LedgerError, BadInputError):
    """The bytes are no signed note, or its text is no checkpoint of ours."""


class SignatureError(LedgerError, IntegrityError):
    """No trusted key signed the note, or a trusted key's signature on it is wrong."""


class RetiredKeyError(SignatureError):
    """The note lacks the signature of the key in force at its tree size."""


class OriginError(LedgerError, IntegrityError):
    """The checkpoint is of another log."""


class MalformedReceiptError(LedgerError, BadInputError):
    """The bytes are no receipt (C2SP tlog-proof)."""


class MalformedTileError(LedgerError, BadInputError):
    """A tile, an entry bundle or a path is not as C2SP tlog-tiles lays it out."""


class MisfiledCheckpointError(LedgerError, IntegrityError):
    """A kept checkpoint is not of the size it was kept for, or the one of a key rotation is lacking."""


class MalformedPolicyError(LedgerError, BadInputError):
    """The text is no policy of witnesses (C2SP tlog-policy), or a witness lacks its dates."""


class MalformedRequestError(LedgerError, BadInputError):
    """The bytes are no add-checkpoint request (C2SP tlog-witness)."""
