"""Open a finding, and say what came of it.

A finding is open until somebody whom it does not concern dismisses it with a reason, says what was done about
it, or refers it to professional responsibility; a referred one is closed by the outcome of the referral only.
One finding of a kind about one thing stands at a time.
"""

from collections.abc import Sequence

from counterseal.casework.models import Approval, SearchRequest
from counterseal.gateway.found import found
from counterseal.gateway.moving import ALL, stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import Change, change
from counterseal.oversight.finding_kinds import kind_of
from counterseal.oversight.models import Finding, FindingStatus, Referral, ReferralStatus, VaultObject
from counterseal.terms.decisions import Refusal, Unmet
from counterseal.terms.errors import BadInputError

STANDING = (FindingStatus.OPEN, FindingStatus.REFERRED)
LONGEST = 300


def open_finding(
    now: Change, kind: str, about: str, says: str, *, person_id: str = "", entries: Sequence[int] = ()
) -> tuple[Finding, ...]:
    """A new finding for the caller to seal among its `rows`; none where one of this kind about this stands.

    kind: a code of `finding_kinds`. says: sentences out of codes and counts, no free text; cut at 300 characters.
    person_id: whom it concerns, and who can therefore never decide it. entries: leaf indices behind it.

    Raises:
        BadInputError: no such kind, or nothing it is about or says.
    """
    kind_of(kind)
    if not about or not says.strip():
        raise BadInputError("a finding names what it is about, and says something of it")
    if Finding.objects.filter(kind=kind, about=about, status__in=STANDING).exists():
        return ()
    return (
        Finding(
            id=now.office.new_id(Finding),
            kind=kind,
            about=about,
            says=says[:LONGEST],
            person_id=person_id,
            entries=sorted(set(entries)),
            opened_at=now.at,
        ),
    )


def seal_finding(
    now: Change,
    kind: str,
    about: str,
    says: str,
    *,
    by: str,
    clauses: Sequence[str],
    person_id: str = "",
    entries: Sequence[int] = (),
) -> tuple[Finding, ...]:
    """Open a finding that a review or an audit raised, in an entry `audit.finding` of its own.

    by: who raised it. entries: also the entry's causes. Otherwise as `open_finding`.
    """
    opened = open_finding(now, kind, about, says, person_id=person_id, entries=entries)
    if opened:
        now.seal(
            "audit.finding",
            by=by,
            action="raise a finding",
            target=opened[0].id,
            outcome="opened",
            clauses=clauses,
            causes=entries,
            public={"kind": kind},
            rows=opened,
        )
    return opened


def dismiss_finding(office: Office, *, finding_id: str, reason: str, by: str) -> Finding | Refusal:
    """Say that there is nothing in it, and why. Never by the person whom it concerns.

    Raises:
        BadInputError: no such finding, no words. StaleError: it is not open.
    """
    return _close(office, finding_id, "dismiss a finding", "finding.dismissed", words=reason, by=by)


def act_on_finding(office: Office, *, finding_id: str, done: str, by: str) -> Finding | Refusal:
    """Say what was done about it. Never by the person whom it concerns. Raises: as `dismiss_finding`."""
    return _close(office, finding_id, "act on a finding", "finding.acted-on", words=done, by=by)


def refer_finding(office: Office, *, finding_id: str, reason: str, by: str) -> Referral | Refusal:
    """Hand it to professional responsibility, whose answer is due within the time that the packs state.

    Raises:
        BadInputError: no such finding, no words. StaleError: it is not open.
    """
    _spoken(reason)
    with change(office) as now:
        finding = found(Finding, finding_id)
        if refusal := _barred(now, finding, "refer a finding", by=by):
            return refusal
        return refer(now, finding, reason=reason, by=by)


def refer(now: Change, finding: Finding, *, reason: str, by: str) -> Referral:
    """Refer a finding inside a change whose caller has asked whether `by` may."""
    rule = now.office.policies.supervision(now.at)
    words = _kept(now, finding, reason)
    referral = Referral(
        id=now.office.new_id(Referral),
        finding=finding,
        referred_by_id=by,
        referred_at=now.at,
        reason=words.id,
        due=now.at + rule.referral_within,
    )
    cause = finding.entry_index
    _decided(now, finding, FindingStatus.REFERRED, words, by=by)
    # The finding's guard looks for its referral, and the referral for its finding: the finding stands already.
    now.seal(
        "finding.referred",
        by=by,
        action="refer a finding",
        target=finding.id,
        outcome="referred",
        clauses=[rule.clause],
        causes=[cause],
        public={"kind": finding.kind},
        rows=[referral, finding],
        objects=[words],
    )
    return referral


def answer_referral(
    office: Office, *, referral_id: str, outcome: str, words: str, by: str
) -> Referral | Refusal:
    """Professional responsibility's answer: `acted-on` or `dismissed`, with what was done, or why nothing.

    Raises:
        BadInputError: no such referral or outcome, no words. StaleError: it was answered.
    """
    moves = {"acted-on": "act on a referred finding", "dismissed": "dismiss a referred finding"}
    if outcome not in moves:
        raise BadInputError(f"a referral is answered {' or '.join(moves)}, not `{outcome}`")
    _spoken(words)
    with change(office) as now:
        referral = found(Referral, referral_id)
        finding = found(Finding, referral.finding_id)
        people = {"referred_by_id": referral.referred_by_id}
        answering = "answer a referral"
        if refusal := stands_against(
            now, answering, by=by, target=referral_id, state=referral.status, people=people
        ):
            return refusal
        if refusal := _barred(now, finding, moves[outcome], by=by, people=people, owned=False):
            return refusal
        kept = _kept(now, finding, words)
        causes = [finding.entry_index]
        referral.status, referral.outcome, referral.words = ReferralStatus.ANSWERED, outcome, kept.id
        referral.answered_by_id, referral.answered_at = by, now.at
        _decided(now, finding, FindingStatus(outcome), kept, by=by)
        now.seal(
            "referral.answered",
            by=by,
            action=answering,
            target=referral.id,
            outcome=outcome,
            clauses=[ALL[answering].clause],
            causes=causes,
            public={"kind": finding.kind},
            rows=[referral, finding],
            objects=[kept],
        )
        return referral


def concerned(finding: Finding) -> frozenset[str]:
    """Whom it concerns: the person named, and of a finding about a search its requester and its approvers."""
    people = {finding.person_id}
    people.update(SearchRequest.objects.filter(pk=finding.about).values_list("requester_id", flat=True))
    people.update(Approval.objects.filter(request_id=finding.about).values_list("approver_id", flat=True))
    return frozenset(people - {""})


def _close(
    office: Office, finding_id: str, move: str, kind: str, *, words: str, by: str
) -> Finding | Refusal:
    _spoken(words)
    with change(office) as now:
        finding = found(Finding, finding_id)
        if refusal := _barred(now, finding, move, by=by):
            return refusal
        kept = _kept(now, finding, words)
        cause = finding.entry_index
        _decided(now, finding, FindingStatus(ALL[move].after), kept, by=by)
        now.seal(
            kind,
            by=by,
            action=move,
            target=finding.id,
            outcome=finding.status,
            clauses=[ALL[move].clause],
            causes=[cause],
            public={"kind": finding.kind},
            rows=[finding],
            objects=[kept],
        )
        return finding


def _barred(
    now: Change,
    finding: Finding,
    move: str,
    *,
    by: str,
    people: dict[str, str] | None = None,
    owned: bool = True,
) -> Refusal | None:
    """The sealed refusal where this person may not make this move with this finding."""
    concerns = by if by in concerned(finding) else finding.person_id
    refusal = stands_against(
        now,
        move,
        by=by,
        target=finding.id,
        state=finding.status,
        people={"person_id": concerns} | (people or {}),
    )
    owners = kind_of(finding.kind).owners
    if refusal or not owned or owners & now.office.acting(by):
        return refusal
    unmet = Unmet(
        ALL[move].clause,
        f"findings of the kind `{finding.kind}` are for the role {' or '.join(sorted(owners))}",
        "ask somebody who holds that role",
    )
    return now.refuse("finding.refused", now.unmet([unmet]), by=by, action=move, target=finding.id)


def _decided(now: Change, finding: Finding, status: FindingStatus, words: VaultObject, *, by: str) -> None:
    finding.status, finding.words = status, words.id
    finding.decided_by_id, finding.decided_at = by, now.at


def _kept(now: Change, finding: Finding, words: str) -> VaultObject:
    office = now.office
    return office.vault.put(
        office.new_name("object"), words.encode(), kind="finding-words", about=finding.id, at=now.at
    )


def _spoken(words: str) -> None:
    if not words.strip():
        raise BadInputError("say in words why, or what was done; the words are kept in the vault")
