"""Clocks, holds and runs: what is due goes, what is held stays, and the log says which."""

import json
import random
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection

import databases
from counterseal.casework.models import Probe
from counterseal.gateway import erasures, retention
from counterseal.gateway.destroy import destroy
from counterseal.gateway.destroy_openings import destroy_openings
from counterseal.gateway.holds import holds_on, lift_hold, list_holds, place_hold
from counterseal.gateway.open_case import close_case
from counterseal.gateway.retention import RECORD_CLASSES, Run, outlook, run_retention
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Hold, HoldStatus, KeptSample, VaultObject
from counterseal.oversight.vault import DestroyedError
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError, UnavailableError
from office import SimulatedOffice, made

POLICIES = Path(__file__).parents[2] / "policies"


def run(office: SimulatedOffice) -> Run:
    """The records office runs the clocks."""
    return made(run_retention(office.office, by=office.who("arc")))


def hold(office: SimulatedOffice, about: str, *, kind: str = "litigation", by: str = "arc") -> Hold:
    """A hold in force."""
    return made(
        place_hold(office.office, about=about, kind=kind, reason="a claim was filed", by=office.who(by))
    )


def alive(about: str) -> set[str]:
    """Ids of the objects of a record that can be opened."""
    return set(VaultObject.objects.filter(about=about, destroyed_at=None).values_list("id", flat=True))


def findings(office: SimulatedOffice) -> list[tuple[str, str]]:
    """What fsck finds: code and place."""
    return [(f.code, f.where) for f in office.fsck().log.findings]


class TestClocks:
    def test_every_class_has_a_clock_and_every_clock_a_class(self) -> None:
        """The shipped packs name exactly the classes that the verbs make; none is kept for ever by oversight."""
        shipped = [tomllib.loads(f.read_text("utf-8")) for f in sorted(POLICIES.glob("*/retention.toml"))]
        named = {c for pack in shipped for clock in pack["clock"] for c in clock["classes"]}

        assert shipped
        assert named == RECORD_CLASSES

    def test_every_kind_put_into_the_vault_is_a_class(self, told: SimulatedOffice) -> None:
        """A story in which everything happens once leaves no object of a kind without a clock."""
        kinds = set(VaultObject.objects.values_list("kind", flat=True))

        assert len(kinds) > 8
        assert kinds <= RECORD_CLASSES

    def test_search_without_lead_runs_out_from_its_answer(self, office: SimulatedOffice) -> None:
        """Photographs of people whom nobody pursued go first."""
        answered = office.searched()
        candidate = office.candidate(answered)
        (due,) = [d for d in outlook(office.office).due if d.object_id == candidate.photograph]

        assert (due.record_class, due.clock.id) == ("candidate", "no-lead-photographs")
        assert due.at == answered.candidate_list.at + timedelta(days=180)

    def test_a_lead_stops_that_clock_until_the_case_is_closed(self, office: SimulatedOffice) -> None:
        """What led somewhere stays with the case; closing it begins the longer clock."""
        lead = office.lead()
        photograph = lead.candidate.photograph
        assert photograph not in {d.object_id for d in outlook(office.office).due}
        assert outlook(office.office).not_begun["candidate"] >= 1

        office.clock.forward(days=1000)
        made(close_case(office.office, case_id=lead.case_id, by=office.who("ines")))
        (due,) = [d for d in outlook(office.office).due if d.object_id == photograph]
        assert due.clock.id == "closed-case-photographs"
        assert timedelta(days=1094) < due.at - office.clock.now < timedelta(days=1096)

    def test_a_foil_is_a_class_of_its_own(self, office: SimulatedOffice) -> None:
        """People who were only shown for comparison."""
        office.searched(limit=3)
        classes = {d.record_class for d in outlook(office.office).due}

        assert {"candidate", "foil", "probe-sent", "probe-original"} <= classes

    def test_a_probe_that_was_never_searched_has_no_clock_yet(self, office: SimulatedOffice) -> None:
        probe = office.probe(office.case())
        assert isinstance(probe, Probe)

        # What reviewers wrote when the agency was founded has its clock; nothing of this case has one.
        assert {due.record_class for due in outlook(office.office).due} == {"acquisition-review"}
        assert outlook(office.office).not_begun["probe-original"] == 1


class TestRun:
    def test_what_is_due_goes_and_what_is_not_stays(self, office: SimulatedOffice) -> None:
        """Sealed with rule and class; the photographs cannot be opened, the narrative can."""
        answered = office.searched()
        candidate, request = office.candidate(answered), answered.request
        office.clock.forward(days=181)
        done = run(office)

        assert {rule for _, rule, _ in done.destroyed} == {"no-lead-photographs"}
        assert (candidate.id, "no-lead-photographs", 1) in done.destroyed
        with pytest.raises(DestroyedError):
            office.office.vault.open(candidate.photograph)
        assert office.office.vault.open(request.narrative)
        assert office.office.vault.open(request.probe.original)
        (entry,) = [
            (e, n)
            for n, e in enumerate(office.entries())
            if e.kind == "record.destroyed" and office.opened(n)["target"] == candidate.id
        ]
        assert dict(entry[0].public) == {"objects": 1, "rule": "no-lead-photographs", "class": "candidate"}
        assert office.opened(entry[1])["objects"] == [candidate.photograph]
        assert findings(office) == []
        assert run(office) == Run((), (), 0)

    def test_nothing_goes_a_moment_before(self, office: SimulatedOffice) -> None:
        office.searched()
        office.clock.forward(days=179, hours=23)

        assert run(office).destroyed == ()

    def test_only_the_records_office_runs_it(self, office: SimulatedOffice) -> None:
        office.searched()
        office.clock.forward(days=400)
        before = VaultObject.objects.filter(destroyed_at=None).count()

        office.sealed_refusal(
            run_retention(office.office, by=office.who("ines")), "record.not-destroyed", "D-026-11/security"
        )
        assert VaultObject.objects.filter(destroyed_at=None).count() == before

    def test_a_lead_that_comes_during_the_run_counts(
        self, office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The run asks again under the log's pen."""
        answered = office.searched()
        office.clock.forward(days=181)

        def meanwhile(_: object) -> int:
            office.lead(answered)
            return 0

        monkeypatch.setattr(retention, "finish_interrupted", meanwhile)
        assert run(office).destroyed == ()
        assert office.office.vault.open(office.candidate(answered).photograph)
        assert "retention.kept" in {e.kind for e in office.entries()}

    @pytest.mark.parametrize("stops_at", ["list", "keys", "bytes"])
    def test_what_was_interrupted_is_named_and_finished(
        self, office: SimulatedOffice, monkeypatch: pytest.MonkeyPatch, stops_at: str
    ) -> None:
        """A crash after the seal, at each later step."""
        item = office.item(office.case(), content=b"a statement")

        def stop(*_: object, **__: object) -> None:
            raise UnavailableError("the disk went away")

        with monkeypatch.context() as patched:
            if stops_at == "list":
                patched.setattr(erasures, "keep", stop)
            else:
                target = office.office.vault.keys if stops_at == "keys" else office.office.vault
                patched.setattr(target, "destroy" if stops_at == "keys" else "sweep", stop)
            with pytest.raises(UnavailableError, match="went away"):
                destroy(office.office, about=item.id, authority="order-1", by=office.who("arc"))
        codes = {code for code, _ in findings(office)}
        assert (
            codes
            == {
                "list": {"key-left", "erasure-not-listed"},
                "keys": {"key-left"},
                "bytes": {"bytes-left"},
            }[stops_at]
        )

        assert run(office).finished == 1
        assert findings(office) == []
        assert item.content not in office.office.vault.stored()


class TestSamples:
    def test_a_kept_sample_goes_by_the_terms_of_its_use(self, office: SimulatedOffice) -> None:
        """Twelve hours are twelve hours; its row says when it went, and fsck agrees."""
        with change(office.office) as now:
            sample_id = office.office.new_id(KeptSample)
            stored = office.office.vault.put(
                office.office.new_name("object"), b"a face", kind="sample", about=sample_id, at=now.at
            )
            sample = KeptSample(
                id=sample_id,
                use_id=office.agency.use_id,
                object=stored.id,
                outcome="verified",
                destination="gate",
                kept_at=now.at,
                due=now.at + timedelta(hours=12),
            )
            now.seal(
                "verification.outcome",
                by=office.who("arc"),
                action="keep a sample",
                target=sample_id,
                outcome="verified",
                rows=[sample],
                objects=[stored],
            )
        office.clock.forward(hours=11)
        assert run(office).destroyed == ()
        office.clock.forward(hours=1)

        assert run(office).destroyed == ((sample_id, "verification-terms", 1),)
        assert KeptSample.objects.get(pk=sample_id).destroyed_at is not None
        with pytest.raises(DestroyedError):
            office.office.vault.open(stored.id)
        assert findings(office) == []


class TestHolds:
    def test_a_hold_stops_the_run_and_the_order(self, office: SimulatedOffice) -> None:
        """On the case, over everything in it; the refusal names the hold."""
        answered = office.searched()
        candidate = office.candidate(answered)
        placed = hold(office, answered.request.case_id)
        office.clock.forward(days=181)

        done = run(office)
        assert done.destroyed == ()
        assert candidate.photograph in {d.object_id for d in done.held}
        refusal = office.sealed_refusal(
            destroy(office.office, about=candidate.id, authority="order-1", by=office.who("arc")),
            "record.not-destroyed",
            "HSI-M/4E1-format",
        )
        assert placed.id in refusal.unmet[0].missing

        made(lift_hold(office.office, hold_id=placed.id, by=office.who("aud")))
        assert (candidate.id, "no-lead-photographs", 1) in run(office).destroyed

    def test_the_database_refuses_what_goes_round_python(self, office: SimulatedOffice) -> None:
        """An update that takes the key of a held object, of the record and of its case."""
        answered = office.searched()
        candidate = office.candidate(answered)
        hold(office, answered.request.case_id)
        for about in (candidate.id, answered.request.probe_id, answered.request.id):
            with pytest.raises(IntegrityError, match="a hold stands over it"), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE oversight_vaultobject SET wrapped_key = NULL, destroyed_at = created_at "
                    "WHERE about = %s",
                    [about],
                )

    @pytest.mark.parametrize("kind", ["litigation", "oversight"])
    def test_who_placed_it_does_not_lift_it_where_the_pack_says_so(
        self, office: SimulatedOffice, kind: str
    ) -> None:
        item = office.item(office.case(), content=b"a statement")
        placed = hold(office, item.id, kind=kind)

        office.sealed_refusal(
            lift_hold(office.office, hold_id=placed.id, by=office.who("arc")),
            "hold.refused",
            "D-026-11/security",
        )
        with pytest.raises(IntegrityError, match="hold_lifted_by_another"):
            Hold.objects.filter(pk=placed.id).update(
                status="lifted", lifted_by_id=office.who("arc"), lifted_at=office.clock.now
            )

    def test_an_audit_hold_may_be_lifted_by_who_placed_it(self, office: SimulatedOffice) -> None:
        """As the pack says; and only once."""
        item = office.item(office.case(), content=b"a statement")
        placed = hold(office, item.id, kind="audit", by="aud")
        assert made(lift_hold(office.office, hold_id=placed.id, by=office.who("aud"))).lifted_by_id

        with pytest.raises(StaleError, match="already `lifted`"):
            lift_hold(office.office, hold_id=placed.id, by=office.who("arc"))
        assert list_holds() == []
        assert [h.id for h in list_holds(all_of_them=True)] == [placed.id]

    def test_an_investigator_places_none(self, office: SimulatedOffice) -> None:
        item = office.item(office.case(), content=b"a statement")
        refused = place_hold(
            office.office, about=item.id, kind="audit", reason="keep it", by=office.who("ines")
        )

        office.sealed_refusal(refused, "hold.refused", "D-026-11/security")

    @pytest.mark.parametrize(
        ("about", "kind", "reason", "says"),
        [
            ("evidence-x", "audit", "why", "no record or case"),
            ("", "audit", "why", "no record or case"),
            (None, "curiosity", "why", "the kinds are: audit, litigation, oversight"),
            (None, "audit", "  ", "say why"),
        ],
    )
    def test_bad_input_says_what_is_wrong(
        self, office: SimulatedOffice, about: str | None, kind: str, reason: str, says: str
    ) -> None:
        item = office.item(office.case(), content=b"a statement")
        with pytest.raises(BadInputError, match=says):
            place_hold(
                office.office,
                about=item.id if about is None else about,
                kind=kind,
                reason=reason,
                by=office.who("arc"),
            )

    def test_the_reason_is_nowhere_but_in_the_vault(self, office: SimulatedOffice) -> None:
        item = office.item(office.case(), content=b"a statement")
        placed = made(
            place_hold(
                office.office,
                about=item.id,
                kind="audit",
                reason="complaint of a Zanzibar tailor",
                by=office.who("arc"),
            )
        )

        assert office.office.vault.open(placed.reason) == b"complaint of a Zanzibar tailor"
        assert b"Zanzibar" not in databases.stored(office.office.home)


class TestAnyOrder:
    @pytest.mark.parametrize("seed", range(6))
    def test_nothing_goes_under_a_hold_in_any_order(self, office: SimulatedOffice, seed: int) -> None:
        """Holds placed and lifted on record and case, orders and runs, at random; a model says what may go.

        The model knows only which holds stand. After each act: an object goes if, and only if, an order or a due
        clock reached it while no hold stood; and fsck finds nothing in the end.
        """
        draw = random.Random(seed)
        case = office.case()
        items = [office.item(case, content=f"statement {n}".encode()) for n in range(3)]
        made(close_case(office.office, case_id=case.id, by=office.who("ines")))
        standing: dict[str, tuple[str, bool, str]] = {}
        gone: set[str] = set()
        due = False
        seen = {"refused": 0, "destroyed": 0}

        def held(item: object) -> bool:
            return any(about in (item.id, case.id) for about, _, _ in standing.values())  # type: ignore[attr-defined]

        for _ in range(25):
            act = draw.choice(["place", "place", "lift", "lift", "destroy", "run", "time"])
            item, by = draw.choice(items), draw.choice(["arc", "aud"])
            if act == "place":
                kind = draw.choice(["litigation", "audit"])
                about = draw.choice([item.id, case.id])
                placed = hold(office, about, kind=kind, by=by)
                standing[placed.id] = (about, kind == "litigation", by)
            elif act == "lift" and standing:
                hold_id = draw.choice(sorted(standing))
                _, two_persons, placer = standing[hold_id]
                answer = lift_hold(office.office, hold_id=hold_id, by=office.who(by))
                assert isinstance(answer, Refusal) == (two_persons and placer == by)
                if not isinstance(answer, Refusal):
                    del standing[hold_id]
            elif act == "destroy" and item.id not in gone:
                answer = destroy(office.office, about=item.id, authority="order-1", by=office.who("arc"))
                assert isinstance(answer, Refusal) == held(item)
                seen["refused" if held(item) else "destroyed"] += 1
                if not held(item):
                    gone.add(item.id)
            elif act == "run":
                run(office)
                if due:
                    gone |= {i.id for i in items if not held(i)}
            elif act == "time" and draw.random() < 0.3:
                office.clock.forward(days=1900)
                due = True
            assert {i.id for i in items if not alive(i.id)} == gone
            assert set(Hold.objects.filter(status=HoldStatus.IN_FORCE).values_list("id", flat=True)) == set(
                standing
            )
            assert all(bool(holds_on(i.id)) == held(i) for i in items)
        assert findings(office) == []
        assert sum(seen.values()) > 0


class TestOpenings:
    def test_a_destroyed_opening_is_legitimate_and_another_lost_one_is_not(
        self, office: SimulatedOffice
    ) -> None:
        """fsck tells what somebody sealed from what somebody removed."""
        from counterseal.oversight.models import LogDisclosures

        probe = office.probe(office.case())
        assert isinstance(probe, Probe)
        index = probe.entry_index
        assert "photograph" in office.opened(index)
        destroy_openings(
            office.office, index=index, names=["photograph"], authority="order-1", by=office.who("arc")
        )

        assert "photograph" not in office.opened(index)
        assert findings(office) == []
        held = LogDisclosures.objects.get(pk=index)
        LogDisclosures.objects.filter(pk=index).update(encoded="\n".join(held.encoded.split("\n")[1:]))
        assert ("disclosure-missing", f"entry {index}") in findings(office)

    def test_what_the_log_needs_stays_open(self, office: SimulatedOffice) -> None:
        probe = office.probe(office.case())
        assert isinstance(probe, Probe)
        for names, says in ((["rows"], "stays openable"), (["nothing"], "has no opening")):
            with pytest.raises(BadInputError, match=says):
                destroy_openings(
                    office.office, index=probe.entry_index, names=names, authority="x", by=office.who("arc")
                )
        office.sealed_refusal(
            destroy_openings(
                office.office,
                index=probe.entry_index,
                names=["photograph"],
                authority="x",
                by=office.who("ines"),
            ),
            "record.not-destroyed",
            "D-026-11/security",
        )


class TestErasureList:
    def test_each_destruction_is_listed_with_its_proof(self, office: SimulatedOffice) -> None:
        from counterseal.gateway.export_ledger import key_history

        item = office.item(office.case(), content=b"a statement")
        destroy(office.office, about=item.id, authority="order-1", by=office.who("arc"))
        (listed,) = erasures.listed(office.office.home, key_history(), office.office.origin)

        assert (listed.target, listed.objects) == (item.id, (item.content,))
        assert listed.path.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("what", ["entry", "receipt", "openings", "nothing"])
    def test_a_changed_file_is_found(self, office: SimulatedOffice, what: str) -> None:
        item = office.item(office.case(), content=b"a statement")
        destroy(office.office, about=item.id, authority="order-1", by=office.who("arc"))
        (path,) = erasures.folder(office.office.home).glob("*.json")
        content = json.loads(path.read_text("utf-8"))
        if what == "entry":
            content["entry"] = content["entry"].replace("done", "none")
        elif what == "receipt":
            content["receipt"] = content["receipt"].replace("index ", "index 1")
        elif what == "openings":
            content["openings"] = content["openings"][1:]
        else:
            content = {}
        path.write_text(json.dumps(content), "utf-8")

        assert [code for code, _ in findings(office)] == ["erasure-list-changed"]
