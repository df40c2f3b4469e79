"""What the log shows and hides, what destruction leaves, and what stays verifiable after a rotation."""

import hashlib
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from whole_story import FACTS, WHY

import counterseal.ledger
import databases
from counterseal import bootstrap
from counterseal.casework.models import Case, Probe, SearchRequest
from counterseal.cli.demo.agency import AGENCY
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.collect_probe import Edit
from counterseal.gateway.destroy import destroy
from counterseal.gateway.export_ledger import entry_of, export_ledger, key_history, receipt_of
from counterseal.gateway.guards import install_guards
from counterseal.gateway.open_case import assign, close_case, open_case
from counterseal.gateway.request_search import Purpose
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.gateway.search import Answered
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.receipt import verify_receipt
from counterseal.oversight.models import Finding, LogEntry, VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.people.models import Person, Role
from counterseal.terms.errors import IntegrityError, StaleError
from office import IN_GALLERY, NARRATIVE, SimulatedOffice, made, person

OFFLINE = Path(counterseal.ledger.__file__).with_name("offline_verifier.py")


def verify_offline(folder: Path, vkey: str, *older: Path) -> None:
    """Run the offline verifier as an outsider does, without the package; it is content."""
    command = [sys.executable, "-I", str(OFFLINE), str(folder), "--vkey", vkey]
    for checkpoint in older:
        command += ["--older", str(checkpoint)]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr


class TestWhatLeaves:
    def test_no_entry_shows_a_name_a_word_or_a_photograph(self, told):
        """Everything that was typed, shown or named in the whole story, looked for in all that can be published."""
        planted = {
            *NARRATIVE.split(), *FACTS.split(), *WHY.split(), "prosecutor", "ROI-2026-17", "retention-7", "scar",
        }  # fmt: skip
        words = {w.strip(",;.").lower() for w in planted if len(w.strip(",;.")) > 4}
        words -= {part for role in Role for part in role.split("-")}  # roles are codes of ours
        words -= set(AGENCY.lower().split())  # the register of services says who operates each
        assert len(words) > 15
        names = {told_of for p in Person.objects.all() for told_of in (p.name, p.id)}
        names |= {person(n).person_id for n in range(IN_GALLERY)} | {c.number for c in Case.objects.all()}
        ids = {str(r.pk) for r in SearchRequest.objects.all()} | set(
            VaultObject.objects.values_list("id", flat=True)
        )
        secrets = set()
        for n in range(8):
            for k in range(6):
                secrets.add(hashlib.sha256(person(n).photograph(k)).hexdigest())
        for probe in Probe.objects.all():
            secrets.add(probe.fingerprint)
        for held in VaultObject.objects.filter(destroyed_at=None):
            secrets.add(hashlib.sha256(told.office.vault.open(held.id)).hexdigest())
        assert len(secrets) > 60

        everything = b"\n".join(told.bodies()).decode()
        assert len(everything) > 20_000
        for marker in names | ids | secrets:
            assert marker not in everything, marker
        # Words are looked for beside the salted digests, in whose letters any word comes up some day.
        said = [json.loads(body) for body in told.bodies()]
        plain = json.dumps([{k: v for k, v in entry.items() if k != "_sd"} for entry in said]).lower()
        tokens = set(re.findall(r"\w+", plain))
        assert "approved" in tokens, "the words of the log were read"
        assert words & tokens == set()

    def test_rows_hold_no_prose_either(self, told):
        """The narrative and the approver's words lie in the vault, under keys that can be destroyed."""
        dump = databases.stored(told.office.home)
        assert b"Ines Investigator" in dump
        for words in (b"forged cheques", b"grey van", b"on a flight", b"bore it out", b"stitched in May"):
            assert words not in dump

    def test_every_entry_verifies_by_its_receipt(self, told):
        """Each under the latest checkpoint."""
        trust, origin = key_history(), told.office.origin
        for n in range(LogEntry.objects.count()):
            body, openings = entry_of(n)
            assert verify_receipt(receipt_of(n), body, trust, origin).index == n
            assert len(openings) >= 3


class TestDestroy:
    def test_bytes_and_key_are_gone_and_everything_else_still_holds(self, office, tmp_path):
        """Sealed first; then no backup opens it, and every proof of before and after verifies."""
        answered = office.searched()
        probe = answered.request.probe
        before = export_ledger(tmp_path / "log")
        early = {n: receipt_of(n) for n in (0, probe.entry_index, before.tree_size - 1)}
        backup = {
            o: (office.office.home / "vault" / o[-2:] / o).read_bytes() for o in (probe.original, probe.sent)
        }

        gone = made(destroy(office.office, about=probe.id, authority="retention-7", by=office.who("arc")))

        assert sorted(gone) == sorted(backup)
        assert office.entries()[-1].kind == "record.destroyed"
        for object_id, data in backup.items():
            path = office.office.home / "vault" / object_id[-2:] / object_id
            assert not path.exists()
            path.write_bytes(data)  # somebody restores the backup
            with pytest.raises(DestroyedError):
                office.office.vault.open(object_id)
            path.unlink()
        assert office.fsck().sound
        for n, receipt in early.items():
            assert verify_receipt(receipt, entry_of(n)[0], key_history(), office.office.origin).index == n
        after = export_ledger(tmp_path / "log")
        verify_offline(after.path, after.vkey)

    def test_destroyed_probe_is_not_searched(self, office):
        """A request that was made before finds nothing to send; nothing is sealed as an intent."""
        case = office.case()
        probe = office.probe(case)
        request = made(office.request(case, probe))
        destroy(office.office, about=probe.id, authority="retention-7", by=office.who("arc"))

        with pytest.raises(DestroyedError):
            office.search(request)

        assert not any(e.kind == "search.intent" for e in office.entries())
        assert office.local == {}


class TestRotation:
    def test_export_verifies_offline_across_a_rotation_and_from_the_old_checkpoint(self, office, tmp_path):
        """Two keys, one log: an outsider who kept an old checkpoint sees that nothing before it changed."""
        folder = tmp_path / "log"
        office.case()
        old = export_ledger(folder)
        kept = tmp_path / "kept"
        kept.write_bytes((folder / "checkpoint").read_bytes())
        new = Signer.from_seed(office.office.origin, b"\5" * 32)
        size = rotate_log_key(office.office, new=new, by=office.who("admin"))
        assert size == old.tree_size + 1
        office.office = bootstrap.install_log_key(office.office, new, b"\5" * 32)
        office.case()

        exported = export_ledger(folder)

        assert (exported.vkey, exported.tree_size) == (new.vkey, old.tree_size + 2 + 1)
        assert (folder / "checkpoints" / str(old.tree_size)).is_file()
        verify_offline(folder, exported.vkey, kept)
        verify_offline(folder, old.vkey, kept)
        assert office.fsck().sound
        reopened = bootstrap.open_office(office.office.home)
        assert reopened.signer.vkey == new.vkey

    def test_stranger_does_not_rotate(self, office):
        """An administrator does."""
        new = Signer.from_seed(office.office.origin, b"\5" * 32)
        office.sealed_refusal(
            rotate_log_key(office.office, new=new, by=office.who("sol")),
            "log.key-refused",
            "HSI-M/4E1-format",
        )


class TestApprovalsBindToThePayload:
    def approved(self, office: SimulatedOffice) -> SearchRequest:
        """A witness search that a supervisor approved as it was asked."""
        case = office.case()
        request = made(
            office.request(case, office.probe(case, subject_role="witness"), witness_methods_exhausted=True)
        )
        made(
            approve_search(
                office.office,
                request_id=request.id,
                kind="witness",
                granted=True,
                words="the witness agreed to it",
                by=office.who("sol"),
            )
        )
        return request

    def test_witness_search_needs_another_persons_approval(self, office):
        """HSI-M/4B2-witnesses: refused without, refused where it was refused, permitted with."""
        case = office.case()
        for n, granted in enumerate((None, False)):
            probe = office.probe(case, subject_role="witness", photograph=person(3).photograph(3 + n))
            request = made(
                office.request(case, probe, witness_methods_exhausted=True, purpose=office.another_reason())
            )
            if granted is not None:
                made(
                    approve_search(
                        office.office,
                        request_id=request.id,
                        kind="witness",
                        granted=granted,
                        words="no",
                        by=office.who("sol"),
                    )
                )
            office.sealed_refusal(office.search(request), "search.refused", "HSI-M/4B2-witnesses")
        assert isinstance(office.search(self.approved(office)), Answered)

    def test_what_changed_after_the_approval_was_not_approved(self, office):
        """Round the guards, somebody widens the question: the search stops and fsck names the row."""
        request = self.approved(office)
        with databases.as_owner(office.office.home):
            databases.drop_guard("casework_searchrequest_frozen")
            SearchRequest.objects.filter(pk=request.id).update(limit=50)
            install_guards()

        with pytest.raises(IntegrityError, match="not what was asked and approved"):
            office.search(request)
        assert office.local == {}
        (finding,) = office.fsck().log.findings
        assert request.id in finding.where

    @pytest.mark.parametrize(
        "changed",
        [{"witness_methods_exhausted": False}, {"purpose_code": "victim-lead"}, {"necessary": False}],
    )
    def test_every_stated_fact_is_under_the_approval(self, office, changed):
        """And nobody approves a request that is no longer the one that was made."""
        case = office.case()
        request = made(
            office.request(case, office.probe(case, subject_role="witness"), witness_methods_exhausted=True)
        )
        with databases.as_owner(office.office.home):
            databases.drop_guard("casework_searchrequest_frozen")
        SearchRequest.objects.filter(pk=request.id).update(**changed)

        with pytest.raises(StaleError, match="has changed since it was made"):
            approve_search(
                office.office,
                request_id=request.id,
                kind="witness",
                granted=True,
                words="x",
                by=office.who("sol"),
            )


class TestRequests:
    def test_same_photograph_again_needs_a_reason(self, office):
        """R12: look at the first result, or say why again."""
        first = office.searched()
        again = office.probe(first.request.case)
        asked = {"purpose": office.another_reason()}
        with pytest.raises(Exception, match="was searched in this service before"):
            office.request(first.request.case, again, **asked)
        request = made(office.request(first.request.case, again, why_again="the gallery has grown", **asked))
        assert isinstance(office.search(request), Answered)

    def test_request_is_submitted_once(self, office):
        """The second submission is stale, and asks nobody."""
        answered = office.searched()
        with pytest.raises(StaleError, match="already `answered`"):
            office.search(answered.request)
        assert office.local["embedded"].calls == 1

    def test_unrecorded_edit_is_refused_and_a_recorded_one_is_kept(self, office):
        """HSI-M/2-probe: every edit is a step with before and after."""
        case = office.case()
        picture = person(3).photograph(2)
        crop = Edit("crop", {"left": 10, "top": 10, "right": 310, "bottom": 390})
        probe = office.probe(case, photograph=picture, edits=(crop,))
        edit = probe.edits.get()
        assert office.office.vault.open(edit.before) == picture
        assert edit.before == probe.original
        assert isinstance(office.search(made(office.request(case, probe))), Answered)

    def test_closed_case_and_closed_program_are_not_searched_for(self, office):
        """A program that was established and assessed is no way round a closed case."""
        program = made(
            open_case(
                office.office,
                number="program-1",
                case_type="fraud",
                statutory_authority="18 U.S.C. 1343",
                program_code="FRS-2026",
                program_established=True,
                program_assessed=True,
                by=office.who("sol"),
            )
        )
        made(assign(office.office, case_id=program.id, person_id=office.who("ines"), by=office.who("sol")))
        for case in (office.case(), program):
            if case is program:
                office.step(case)
            probe = office.probe(case, photograph=person(3 + (case is program)).photograph(2))
            request = made(office.request(case, probe, purpose=office.another_reason()))
            made(close_case(office.office, case_id=case.id, by=office.who("sol")))
            office.sealed_refusal(
                office.search(request), "search.refused", "HSI-M/4A1-purpose", "HSI-M/3-own-investigation"
            )

    def test_open_program_is_searched_for_by_whoever_is_not_assigned(self, office):
        """HSI-M/4A1-purpose knows it as the second ground."""
        program = made(
            open_case(
                office.office,
                number="program-1",
                case_type="fraud",
                statutory_authority="18 U.S.C. 1343",
                program_code="FRS-2026",
                program_established=True,
                program_assessed=True,
                by=office.who("sol"),
            )
        )
        office.step(program)
        assert isinstance(office.search(made(office.request(program, office.probe(program)))), Answered)

    def test_protected_event_needs_the_civil_rights_office(self, office):
        """D-026-11/no-profiling: escalated to, and approved by, somebody of that office."""
        case = office.case()
        probe = office.probe(case, protected_event=True)
        request = made(office.request(case, probe))
        office.sealed_refusal(office.search(request), "search.refused", "HSI-M/4B3-protected-basis")

        def approve(by: str) -> object:
            return approve_search(
                office.office,
                request_id=request.id,
                kind="event",
                granted=True,
                words="seen",
                by=office.who(by),
            )

        office.sealed_refusal(approve("sol"), "approval.refused", "D-026-11/no-profiling")
        made(approve("cora"))
        assert isinstance(office.search(request), Answered)

    def test_vague_purpose_is_not_kept_as_a_finding_of_nobody(self, office):
        """A refusal opens no finding and no duty."""
        case = office.case()
        request = made(office.request(case, office.probe(case), purpose=Purpose("suspect-lead", ".")))
        office.search(request)
        assert Finding.objects.count() == 0
        office.clock.forward(seconds=timedelta(minutes=1).total_seconds())
        assert office.fsck().sound
