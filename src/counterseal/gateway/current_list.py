"""The signed list of choices as programs fetch it: the latest one while it says what stands, else a new one.

The bytes are not kept: the latest list is signed again from the register, to the same bytes where no choice was
made or withdrawn since (Ed25519 signs deterministically), and compared with the digest that was sealed.
"""

import hashlib
from datetime import timedelta

from counterseal.gateway.office import Office
from counterseal.gateway.opt_out import IssuedList, issue_list, list_signer
from counterseal.oversight.models import OptOut, OptOutListIssued, OptOutStatus
from counterseal.oversight.optout import sign_list
from counterseal.oversight.transitions import TRANSITIONS
from counterseal.terms.decisions import Refusal


def current_list(office: Office, *, by: str) -> IssuedList | Refusal:
    """The list in force, issued anew (and sealed) where choices changed since, or half its time is over."""
    row = OptOutListIssued.objects.order_by("-sequence").first()
    may = TRANSITIONS["issue a list of choices"].roles & office.acting(by)
    if row is not None and may and office.clock() - row.issued_at < (row.valid_until - row.issued_at) / 2:
        standing = OptOut.objects.filter(status=OptOutStatus.STANDING)
        tokens = {t for pair in standing.values_list("token", "receipt_token") for t in pair if t}
        signer = list_signer(office)
        data = sign_list(
            tokens,
            signer=signer,
            sequence=row.sequence,
            issued=row.issued_at,
            days=(row.valid_until - row.issued_at) // timedelta(days=1),
            pack=office.policies.in_force(row.issued_at).digest,
        )
        if hashlib.sha256(data).hexdigest() == row.list_digest:
            return IssuedList(data, row, signer.vkey)
    return issue_list(office, by=by)
