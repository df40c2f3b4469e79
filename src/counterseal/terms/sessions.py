"""How somebody showed who they are, weakest first."""

from enum import StrEnum


class Factor(StrEnum):
    """What the sign-in checked. The order of the list is the order of strength.

    PASSWORD: a secret that can be told, a client's shared secret included. TOTP: that and a code of the minute,
    which can be read out over the telephone. PHISHING_RESISTANT: a key that never leaves its device (WebAuthn, a
    PIV card, a client's signed assertion): it cannot be lent without being handed over.
    """

    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    TOTP = "totp"
    PHISHING_RESISTANT = "phishing-resistant"

    def reaches(self, wanted: "Factor") -> bool:
        """Whether this is as strong as what is wanted."""
        order = list(Factor)
        return order.index(self) >= order.index(wanted)
