"""Public figures from a real office: released by one of three offices, sealed, and checked without the database."""

import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.cli.commands.public import reader
from counterseal.cli.demo.agency import made
from counterseal.gateway import release_figures as module
from counterseal.gateway.approve_search import approve_search
from counterseal.gateway.coding import coded
from counterseal.gateway.release_figures import Released, release_figures
from counterseal.gateway.rotate_log_key import rotate_log_key
from counterseal.ledger.checkpoint import Signer
from counterseal.ledger.entry import PublicValue, read_entry
from counterseal.oversight.figures import counters, registers, release
from counterseal.oversight.figures.release import document
from counterseal.oversight.figures.rule import SEALED_KIND, Rule
from counterseal.oversight.figures.verify_release import Verified, verify_release
from counterseal.oversight.models import Duty, LogEntry, Service, Use
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError, StaleError
from office import SimulatedOffice, person

NOW = Rule(delay_days=0)


def released(office: SimulatedOffice, folder: Path, *, by: str = "pat", **more: object) -> Released:
    more.setdefault("rule", NOW)
    return made(release_figures(office.office, folder=folder, by=office.who(by), **more))  # type: ignore[arg-type]


def verified(folder: Path, **more: object) -> Verified:
    return verify_release(reader(folder), **more)  # type: ignore[arg-type]


def rows(content: dict[str, object] | object, figure: str) -> dict[str, int]:
    (one,) = [each for each in content["figures"] if each["id"] == figure]  # type: ignore[index]
    return {code: number for _, code, number in one["rows"]}


class TestRelease:
    def test_is_counted_from_the_log_and_verifies_without_the_database(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        before = len(told.bodies())
        done = released(told, tmp_path / "out")
        found = verified(tmp_path / "out", vkey=done.vkey)

        assert found.findings == ()
        assert (done.version, done.counted, done.index) == (1, before, before)
        assert told.fsck().sound
        kinds = [entry.kind for entry in told.entries()]
        assert rows(found.content, "searches") == {"": kinds.count("search.intent")}
        assert sum(rows(found.content, "entries").values()) == before
        assert rows(found.content, "leads-by-standing") == {"corroborated": 1}
        assert rows(found.content, "exigent-by-approval") == {"in-time": 1}
        assert rows(found.content, "disclosures") == {"statute": 1}
        # The log's own codes tell what the registers hold.
        stands = {row.id: row.status for row in (*Service.objects.all(), *Use.objects.all())}
        assert {line["service"]: line["status"] for line in found.content["services"]} | {
            line["use"]: line["status"] for line in found.content["uses"]
        } == stands
        assert sum(line["searches"] for line in found.content["uses"]) == kinds.count("search.intent")

    def test_shows_no_code_about_a_person_that_few_share(self, told: SimulatedOffice, tmp_path: Path) -> None:
        """Fewer than five searches: their case type and subject role are nowhere in the folder."""
        released(told, tmp_path / "out")
        files = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]

        assert len(files) > 10
        assert not any(b"fraud" in data for data in files)
        found = verified(tmp_path / "out")
        assert rows(found.content, "searches-by-case-type").keys() == {"not-shown"}

    def test_shows_what_enough_searches_share(self, office: SimulatedOffice, tmp_path: Path) -> None:
        for n in range(3):
            office.searched(photograph=person(n).photograph(2), purpose=office.another_reason())
        done = released(office, tmp_path / "out", rule=Rule(k=3, delay_days=0))
        found = verified(tmp_path / "out")

        assert found.findings == ()
        assert rows(found.content, "searches-by-case-type") == {"fraud": 3}
        assert rows(found.content, "searches-by-subject-role") == {"suspect": 3}
        assert done.corrections == 0

    def test_leaves_out_what_is_younger_than_the_delay(self, told: SimulatedOffice, tmp_path: Path) -> None:
        old = len(told.bodies())
        told.clock.forward(days=31)
        told.case()
        done = released(told, tmp_path / "out", rule=Rule())
        young = told.bodies()[old]

        assert done.counted == old
        assert verified(tmp_path / "out").findings == ()
        assert not any(young in p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())

    def test_can_end_earlier_than_the_delay(self, told: SimulatedOffice, tmp_path: Path) -> None:
        middle = told.entries()[60].at
        done = released(told, tmp_path / "out", until=middle)

        assert done.counted == 61
        assert done.until == middle
        assert verified(tmp_path / "out").findings == ()

    def test_nothing_old_enough_is_bad_input(self, told: SimulatedOffice, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="nothing to release yet"):
            released(told, tmp_path / "out", rule=Rule(delay_days=400))

    def test_a_folder_that_holds_something_is_left_alone(self, told: SimulatedOffice, tmp_path: Path) -> None:
        (tmp_path / "mine").touch()

        with pytest.raises(BadInputError, match="not an empty folder"):
            released(told, tmp_path)

    @pytest.mark.parametrize("who", ["ines", "sol", "admin", "aud"])
    def test_is_refused_to_anybody_but_the_three_offices(
        self, told: SimulatedOffice, tmp_path: Path, who: str
    ) -> None:
        refusal = release_figures(told.office, folder=tmp_path / "out", by=told.who(who), rule=NOW)

        told.sealed_refusal(refusal, "figures.refused", "D-026-11/oversight")
        assert not (tmp_path / "out").exists()

    def test_nothing_is_sealed_where_the_folder_cannot_be_written(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        """Else the log would say that a release was made which nobody ever saw."""
        (tmp_path / "file").touch()
        before = len(told.bodies())

        with pytest.raises(OSError, match="file"):
            released(told, tmp_path / "file" / "out")
        assert len(told.bodies()) == before

    def test_two_at_a_time_do_not_get_one_number(
        self, told: SimulatedOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody releases between our counting and our sealing."""
        count = module.release.document

        def slow(*args: object) -> dict[str, object]:
            monkeypatch.undo()
            released(told, tmp_path / "theirs", by="cora")
            return count(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(module.release, "document", slow)
        with pytest.raises(StaleError, match="another release was made meanwhile"):
            released(told, tmp_path / "mine")
        assert [e.public["version"] for e in told.entries() if e.kind == release.KIND] == [1]

    def test_survives_a_change_of_key(self, told: SimulatedOffice, tmp_path: Path) -> None:
        successor = Signer.from_seed(told.office.origin, b"n" * 32)
        assert not isinstance(rotate_log_key(told.office, new=successor, by=told.who("admin")), Refusal)
        object.__setattr__(told.office, "signer", successor)
        done = released(told, tmp_path / "out")
        found = verified(tmp_path / "out", vkey=done.vkey)

        assert found.findings == ()
        assert done.vkey == successor.vkey


class TestNextRelease:
    def test_goes_on_from_the_one_before(self, told: SimulatedOffice, tmp_path: Path) -> None:
        first = released(told, tmp_path / "1")
        told.case()
        second = released(told, tmp_path / "2")
        found = verified(tmp_path / "2", previous=reader(tmp_path / "1"))

        assert (first.version, second.version, second.corrections) == (1, 2, 0)
        assert found.findings == ()
        assert found.content["previous"]["version"] == 1
        assert rows(found.content, "entries")["figures.released"] == 1

    def test_never_counts_less(self, told: SimulatedOffice, tmp_path: Path) -> None:
        released(told, tmp_path / "1")

        with pytest.raises(BadInputError, match="a later release never counts less"):
            released(told, tmp_path / "2", until=told.entries()[60].at)

    def test_lists_what_counts_differently_with_its_reason(
        self, told: SimulatedOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first release miscounts the searches by one, as a fault of the program would."""

        def faulty(*args: object) -> dict[str, object]:
            content = document(*args)  # type: ignore[arg-type]
            next(each for each in content["figures"] if each["id"] == "searches")["rows"][0][2] += 1
            return content

        monkeypatch.setattr(module.release, "document", faulty)
        released(told, tmp_path / "1")
        monkeypatch.undo()
        with pytest.raises(BadInputError, match=r"1 figures of release 1 count differently.*say why"):
            released(told, tmp_path / "2")
        second = released(told, tmp_path / "2", why="one search was counted twice")
        third = released(told, tmp_path / "3")
        found = verified(tmp_path / "3", previous=reader(tmp_path / "1"))

        assert (second.corrections, third.corrections) == (1, 0)
        (correction,) = found.content["corrections"]
        assert (correction["was"], correction["now"]) == ("3", "2")
        assert correction["why"] == "one search was counted twice"
        assert found.findings == ()
        assert {f.code for f in verified(tmp_path / "1").findings} == {"figure-differs", "table-differs"}


class TestElsewhere:
    def test_a_machine_without_the_database_counts_every_figure_again(
        self, told: SimulatedOffice, tmp_path: Path
    ) -> None:
        """A process of its own, with no installation, in which Django is not even loaded."""
        done = released(told, tmp_path / "out")
        shutil.copytree(tmp_path / "out", tmp_path / "elsewhere" / "copy")
        shutil.rmtree(tmp_path / "out")
        program = (
            "import sys, pathlib\n"
            "from counterseal.cli.commands.public import reader\n"
            "from counterseal.oversight.figures.verify_release import verify_release\n"
            "found = verify_release(reader(pathlib.Path('copy')), vkey=sys.argv[1])\n"
            "assert not {'django', 'sqlite3'} & sys.modules.keys(), 'a database came along'\n"
            "print(len(found.findings), found.figures, found.counted)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, done.vkey],
            cwd=tmp_path / "elsewhere",
            capture_output=True,
            text=True,
            check=True,
        )
        findings, figures, counted = map(int, ran.stdout.split())

        assert (findings, counted) == (0, done.counted)
        assert figures > 30


class TestExigent:
    def test_overdue_and_late_approvals_are_told_apart(self, office: SimulatedOffice, tmp_path: Path) -> None:
        from whole_story import exigent_use_of_an_unreviewed_service

        outcome = exigent_use_of_an_unreviewed_service(office, closes=False)
        released(office, tmp_path / "1")
        office.clock.forward(hours=30)
        released(office, tmp_path / "2")
        made(
            approve_search(
                office.office,
                request_id=outcome.request.id,
                kind="exigent",
                granted=True,
                words="the facts bore it out",
                by=office.who("sol"),
            )
        )
        released(office, tmp_path / "3")
        seen = [rows(verified(tmp_path / n).content, "exigent-by-approval") for n in ("1", "2", "3")]

        assert seen == [{"waiting": 1}, {"overdue": 1}, {"late": 1}]

    def test_the_time_is_that_of_the_policy(self, told: SimulatedOffice) -> None:
        """HSI-M/4C3-exigent-approval: the duty's own deadline, which the policy sets."""
        duty = Duty.objects.get(kind="exigent-approval")

        assert duty.due - duty.opened_at == timedelta(hours=Rule().exigent_hours)


class TestKinds:
    def test_every_act_that_changes_a_standing_is_followed(self) -> None:
        """A verb that sets a service's or a use's status under a kind that `registers` does not read would make
        the released registers stale."""
        gateway = Path(module.__file__).parent
        followed = Path(registers.__file__).read_text(encoding="utf-8")
        setters = {
            path.name: path.read_text(encoding="utf-8")
            for path in sorted(gateway.glob("*.py"))
            if re.search(r"\b(?:service|use)\.status(?:, [a-z_.]+)* = ", path.read_text(encoding="utf-8"))
        }
        sealed = {
            kind
            for text in setters.values()
            for kind in re.findall(
                r'"((?:service|use)\.(?:decided|review-closed|version-changed|reviewed|changed|suspended)[a-z-]*)"',
                text,
            )
        }

        assert {kind for kind in sealed if f'"{kind}"' not in followed} == set()
        assert set(setters) == {"propose_use.py", "register_service.py"}
        assert len(sealed) == 6

    def test_every_counter_counts_a_kind_that_a_verb_seals(self) -> None:
        """A counter of a kind that nobody seals would show nothing for ever and look like good news."""
        gateway = Path(module.__file__).parent
        text = "\n".join(p.read_text(encoding="utf-8") for p in sorted(gateway.glob("*.py")))
        wanted = {kind for figure in counters.FIGURES for kind in figure.kinds}
        missing = {kind for kind in wanted if f'"{kind}"' not in text}

        assert missing == set(counters.AWAITED)
        assert len(wanted) > 25

    def test_every_public_name_that_a_counter_reads_is_there(self, told: SimulatedOffice) -> None:
        """Read on the entries of the whole story; a name in no entry would count everything as `none`."""
        told_kinds: dict[str, set[str]] = {}
        for entry in told.entries():
            told_kinds.setdefault(entry.kind, set()).update(entry.public)
        seen = 0
        for figure in counters.FIGURES:
            names = [figure.by.partition(":")[2]] if figure.by.startswith("public:") else []
            names += list(getattr(figure, "where", ()))
            for kind in figure.kinds:
                for name in names if kind in told_kinds else []:
                    seen += 1
                    assert name in told_kinds[kind], f"{figure.id}: {kind} has no public `{name}`"
        assert seen > 8

    def test_codes_about_persons_sought_are_in_no_public_part(self, told: SimulatedOffice) -> None:
        for body in LogEntry.objects.values_list("body", flat=True):
            entry = read_entry(bytes(body))
            assert not {"case_type", "subject_role", "type"} & entry.public.keys(), entry.kind
            said: list[PublicValue] = list(entry.public.values())
            assert "fraud" not in said

    def test_they_are_under_every_intent(self, told: SimulatedOffice) -> None:
        intents = [i for i, entry in enumerate(told.entries()) if entry.kind == SEALED_KIND]

        assert len(intents) == 2
        assert {(told.opened(i)["case_type"], told.opened(i)["subject_role"]) for i in intents} == {
            ("fraud", "suspect")
        }


class TestCoded:
    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("Bank fraud, aggravated", "bank-fraud-aggravated"),
            ("", "none"),
            ("  ", "none"),
            ("ÜÖÄ", "uncoded"),
            ("x" * 90, "x" * 40),
            ("0123456789abcdef0123456789abcdef", "uncoded"),
            ("-v 2.1-", "v-2.1"),
        ],
    )
    def test_words_become_codes_that_an_entry_takes(self, words: str, code: str) -> None:
        assert coded(words) == code


def test_figures_json_is_plain_json(told: SimulatedOffice, tmp_path: Path) -> None:
    """Machine-readable by anybody's program (R68)."""
    released(told, tmp_path / "out")
    content = json.loads((tmp_path / "out" / release.FIGURES_FILE).read_text(encoding="utf-8"))
    lines = (tmp_path / "out" / release.CSV_FILE).read_text(encoding="utf-8").splitlines()

    assert content["rule"]["k"] == 5
    assert len(lines) == 1 + sum(len(each["rows"]) for each in (*content["figures"], *content["shares"]))
    assert {each["id"] for each in content["not_available"]} >= {"breaches", "unauthorised-uses"}
