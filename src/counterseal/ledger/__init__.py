"""The log that nobody can thin out: entries, tree, checkpoints, receipts, tiles, audit, fsck, key rotation.

Formats are those of C2SP (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof) over the Merkle tree of
RFC 6962, so that programs written by others verify what this room makes. The room is pure: instants, salts,
keys and stored bytes come in as arguments; durability is the caller's.

The log is tamper-evident: a change is detectable by someone who holds a checkpoint. One key without
witnesses can still show two histories to two people.
"""
