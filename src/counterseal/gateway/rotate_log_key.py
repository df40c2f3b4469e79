"""Change the key that signs the log: an entry names the new key, and the checkpoint over it bears both."""

from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.entry import KEY_ROTATED
from counterseal.people.models import Role
from counterseal.terms.decisions import Refusal, Unmet


def rotate_log_key(office: Office, *, new: Signer, by: str) -> int | Refusal:
    """Rotate to `new`; answers with the tree size from which it signs. Install the key file afterwards."""
    with change(office) as now:
        if Role.ADMINISTRATOR not in office.acting(by):
            return now.refuse(
                "log.key-refused",
                now.unmet(
                    [
                        Unmet(
                            "HSI-M/4E1-format",
                            "only an administrator rotates the log's key",
                            "ask an administrator",
                        )
                    ]
                ),
                by=by,
                action="rotate the log key",
                target="log",
            )
        sealed = now.seal(
            KEY_ROTATED,
            by=by,
            action="rotate the log key",
            target="log",
            outcome="rotated",
            public={"old_key_id": office.signer.verifier.key_id.hex(), "new_vkey": new.vkey},
        )
        now.hand_over_to(new)
        return sealed.index + 1
