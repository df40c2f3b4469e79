"""Every logged decision, made again: same facts, same packs, same answer."""

import json
from dataclasses import replace

import pytest
from whole_story import tell

from counterseal.gateway.replay_decisions import logged_decisions
from counterseal.gateway.search import Answered
from counterseal.ledger.errors import LedgerError
from counterseal.oversight.models import LogDisclosures
from counterseal.policy.replay import replay
from counterseal.terms.decisions import Refusal
from office import SimulatedOffice, made, person


def test_the_whole_story_is_decided_alike(office: SimulatedOffice) -> None:
    tell(office)
    decisions = list(logged_decisions())

    found = replay(decisions, office.office.policies)

    assert found.differ == ()
    assert found.of_other_packs == ()
    assert found.same >= 8


def test_a_decision_is_replayed_under_the_packs_of_its_instant(office: SimulatedOffice) -> None:
    first = office.searched(limit=2)
    assert isinstance(first, Answered)
    office.under("detroit-2024")
    office.searched(limit=2, photograph=person(4).photograph(2), purpose=office.another_reason())

    shipped_only = replace(
        office.office.policies, founding=office.office.policies.founding.over(["beyond-the-text"])
    )
    found = replay(logged_decisions(), shipped_only)

    assert found.differ == ()
    assert len(found.of_other_packs) == 1


def test_another_answer_is_named_by_its_entry(office: SimulatedOffice) -> None:
    answered = office.searched(limit=2)
    logged = next(d for d in logged_decisions() if d.index == answered.intent_index)
    facts = json.loads(json.dumps(logged.facts))
    facts["probe"]["sketch"] = True

    found = replay([replace(logged, facts=facts)], office.office.policies)

    assert found.differ == ((answered.intent_index, "refused now"),)
    fewer = replace(logged, clauses=logged.clauses[1:])
    assert replay([fewer], office.office.policies).differ[0][1].startswith("decided alike")


def test_facts_that_were_put_in_afterwards_do_not_open(office: SimulatedOffice) -> None:
    answered = office.searched(limit=2)
    other = office.searched(limit=2, photograph=person(4).photograph(2), purpose=office.another_reason())
    row = LogDisclosures.objects.get(pk=answered.intent_index)
    foreign = LogDisclosures.objects.get(pk=other.intent_index)
    LogDisclosures.objects.filter(pk=row.pk).update(encoded=foreign.encoded)

    with pytest.raises(LedgerError):
        list(logged_decisions())


def test_erased_facts_are_counted_and_not_guessed_at(office: SimulatedOffice) -> None:
    answered = office.searched(limit=2)
    LogDisclosures.objects.filter(pk=answered.intent_index).update(encoded="")

    found = replay(logged_decisions(), office.office.policies)

    assert found.differ == ()
    assert found.without_facts >= 1


def test_a_refusal_is_replayed_with_its_clauses(office: SimulatedOffice) -> None:
    case = office.case(with_step=False)
    request = made(office.request(case, office.probe(case)))
    refusal = office.search(request)
    assert isinstance(refusal, Refusal)

    found = replay(logged_decisions(), office.office.policies)

    assert (found.differ, found.same) == ((), 1)


def test_nothing_of_people_at_a_checkpoint_is_kept(office: SimulatedOffice) -> None:
    """Their facts name the reference that they claim."""
    facts = [d.facts for d in logged_decisions() if d.facts is not None]

    assert all(f["action"] != "verify-claim" for f in facts)
