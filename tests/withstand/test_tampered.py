"""Somebody with the files in hand changes them: what was changed is found, and named.

The attacker opens the database directly (a server's, as its superuser), takes the guards off, changes what they like
and puts the guards back. What they do not have is the log's key, unless a case says so.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from counts import Counts
from crowd import CONNECTOR, Crowd, copy_of, opened, request, roster_of
from records import database, tree_size

import databases
from counterseal.gateway.databases import database as kind
from counterseal.gateway.export_ledger import export_ledger
from counterseal.gateway.guards import guards
from counterseal.gateway.run_fsck import Report, run_fsck
from counterseal.gateway.search import Answered, search
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.tree import Frontier, leaf_hash, place
from counterseal.people.models import RoleGrant

pytestmark = pytest.mark.withstand

ATTACK = "files changed by hand"


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder with one installation, its export, and copies of both from when there were `older` entries.

    older_state: the stored tree and checkpoint of then.
    """

    folder: Path
    older: int
    size: int
    older_state: tuple[bytes, bytes]

    @property
    def home(self) -> Path:
        """The installation."""
        return self.folder / "home"

    @property
    def exported(self) -> Path:
        """Its export, up to date."""
        return self.folder / "exported"

    @property
    def backup(self) -> Path:
        """A folder with a copy of the database as it was then."""
        return self.folder / "backup"

    @property
    def older_export(self) -> Path:
        """The export as it was then."""
        return self.folder / "older-export"


@pytest.fixture(scope="module")
def kept_template(crowd_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """An installation with two searches, a backup and an export from between them."""
    folder = tmp_path_factory.mktemp("kept")
    crowd = copy_of(crowd_template, folder / "home")
    with opened(folder / "home") as office:
        _search(office, crowd, 0)
        export_ledger(folder / "older-export")
        (folder / "backup").mkdir()
        kind().copy(folder / "home", folder / "backup")
        with database(folder / "home") as raw:
            older = tree_size(raw)
            state = raw.execute("SELECT frontier, checkpoint FROM oversight_logstate").fetchone()
        _search(office, crowd, 1)
        export_ledger(folder / "exported")
    with database(folder / "home") as raw:
        size = tree_size(raw)
    assert size > older > 256, "at least one tile is to be full"
    return Kept(folder, older, size, (bytes(state[0]), bytes(state[1])))


@pytest.fixture
def kept(kept_template: Kept, tmp_path: Path) -> Kept:
    """A copy for one attack."""
    copy = tmp_path / "kept"
    shutil.copytree(kept_template.folder, copy, ignore=shutil.ignore_patterns("home"))
    databases.copy_home(kept_template.home, copy / "home")
    return replace(kept_template, folder=copy)


def _search(office: object, crowd: Crowd, n: int) -> None:
    who = crowd.requesters[n]
    asked = request(office, crowd, who)  # type: ignore[arg-type]
    assert isinstance(search(office, request_id=asked.id, by=who.person), Answered)  # type: ignore[arg-type]


def by_hand(home: Path, statement: str, *values: object) -> int:
    """Change the database behind the gateway's back and behind its guards'; how many rows were changed."""
    with databases.raw_without_guards(home, back=True) as raw:
        return int(raw.execute(statement, values).rowcount)


def fsck(kept: Kept, *, tiles: Path | None = None) -> Report:
    """What fsck says of the installation now."""
    with opened(kept.home) as office:
        return run_fsck(office, tiles=tiles)


def verify(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """What the offline verifier says of an export: its exit code and what failed."""
    done = subprocess.run(
        [sys.executable, str(folder / "verify.py"), str(folder), "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)["failures"]


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def first(home: Path, query: str, *values: object) -> tuple[object, ...]:
    """The first row of a query."""
    with database(home) as raw:
        row = raw.execute(query, values).fetchone()
    assert row is not None
    return tuple(row)


def found(report: Report) -> set[tuple[str, str]]:
    """Code and place of every finding."""
    return {(f.code, f.where) for f in report.log.findings}


def test_nothing_is_found_where_nothing_was_changed(kept: Kept) -> None:
    """The attacks below begin from a sound installation, and taking guards off and on again leaves it so."""
    assert by_hand(kept.home, "UPDATE oversight_logentry SET body = body") == kept.size
    assert found(fsck(kept, tiles=kept.exported)) == set()
    assert verify(kept.exported) == (0, [])


# --- rows -------------------------------------------------------------------------------------------------


def _changed_case(kept: Kept) -> tuple[str, str]:
    (key,) = first(kept.home, "SELECT id FROM casework_case ORDER BY id")
    assert by_hand(kept.home, "UPDATE casework_case SET statutory_authority = 'other' WHERE id = ?", key) == 1
    return "row-changed", f"row casework.case {key}"


def _changed_status(kept: Kept) -> tuple[str, str]:
    (key,) = first(kept.home, "SELECT id FROM casework_searchrequest WHERE status = 'answered'")
    statement = "UPDATE casework_searchrequest SET status = 'failed' WHERE id = ?"
    assert by_hand(kept.home, statement, key) == 1
    return "row-changed", f"row casework.searchrequest {key}"


def _moved_certificate(kept: Kept) -> tuple[str, str]:
    (key,) = first(kept.home, "SELECT id FROM people_certificate ORDER BY id")
    statement = "UPDATE people_certificate SET expires = '2039-01-01 00:00:00' WHERE id = ?"
    assert by_hand(kept.home, statement, key) == 1
    return "row-changed", f"row people.certificate {key}"


def _granted_role(kept: Kept) -> tuple[str, str]:
    columns = [field.column for field in RoleGrant._meta.concrete_fields]
    values = ", ".join({"id": "'grant-0000000000000000'", "role": "'auditor'"}.get(c, c) for c in columns)
    statement = (
        f"INSERT INTO people_rolegrant ({', '.join(columns)}) "
        f"SELECT {values} FROM people_rolegrant ORDER BY id LIMIT 1"
    )
    assert by_hand(kept.home, statement) == 1
    return "row-not-in-entry", "row people.rolegrant grant-0000000000000000"


def _deleted_candidate(kept: Kept) -> tuple[str, str]:
    (key,) = first(kept.home, "SELECT id FROM casework_candidaterow ORDER BY id")
    assert by_hand(kept.home, "DELETE FROM casework_candidaterow WHERE id = ?", key) == 1
    return "row-missing", f"row casework.candidaterow {key}"


def _row_put_back(kept: Kept) -> tuple[str, str]:
    """The request as it was before it was submitted: a use that never was."""
    key, requested = first(
        kept.home,
        'SELECT r.id, e."index" FROM casework_searchrequest r, oversight_logentry e '
        "WHERE r.status = 'answered' AND e.\"index\" = r.intent_index",
    )
    earlier = int(str(requested)) - 1
    statement = (
        "UPDATE casework_searchrequest SET status = 'requested', intent_index = NULL, submitted_at = NULL, "
        "entry_index = ? WHERE id = ?"
    )
    assert by_hand(kept.home, statement, earlier, key) == 1
    return "row-stale", f"row casework.searchrequest {key}"


# --- the log ----------------------------------------------------------------------------------------------


def _deleted_entry(kept: Kept) -> tuple[str, str]:
    index = kept.size - 1
    assert by_hand(kept.home, 'DELETE FROM oversight_logentry WHERE "index" = ?', index) == 1
    return "entry-missing", f"entry {index}"


def _deleted_in_the_middle(kept: Kept) -> tuple[str, str]:
    assert by_hand(kept.home, 'DELETE FROM oversight_logentry WHERE "index" = 17') == 1
    return "entry-missing", "entry 17"


def _changed_body(kept: Kept) -> tuple[str, str]:
    """The classic: the refusal becomes a permit, every hash stays as it is."""
    (body,) = first(kept.home, 'SELECT body FROM oversight_logentry WHERE "index" = 40')
    assert isinstance(body, bytes)
    other = body.replace(b'"at":"2', b'"at":"1', 1)
    assert other != body
    assert by_hand(kept.home, 'UPDATE oversight_logentry SET body = ? WHERE "index" = 40', other) == 1
    return "entry-changed", "entry 40"


def _swapped_bodies(kept: Kept) -> tuple[str, str]:
    (seven,) = first(kept.home, 'SELECT body FROM oversight_logentry WHERE "index" = 7')
    assert by_hand(kept.home, 'UPDATE oversight_logentry SET body = ? WHERE "index" = 8', seven) == 1
    return "entry-changed", "entry 8"


def _changed_leaf_node(kept: Kept) -> tuple[str, str]:
    statement = "UPDATE oversight_lognode SET hash = ? WHERE place = ?"
    assert by_hand(kept.home, statement, bytes(32), place(0, 33)) == 1
    return "node-changed", "node 0/33"


def _changed_inner_node(kept: Kept) -> tuple[str, str]:
    statement = "UPDATE oversight_lognode SET hash = ? WHERE place = ?"
    assert by_hand(kept.home, statement, bytes(32), place(5, 2)) == 1
    return "node-changed", "node 5/2"


def _deleted_node(kept: Kept) -> tuple[str, str]:
    assert by_hand(kept.home, "DELETE FROM oversight_lognode WHERE place = ?", place(3, 4)) == 1
    return "node-missing", "node 3/4"


def _deleted_disclosure(kept: Kept) -> tuple[str, str]:
    statement = "UPDATE oversight_logdisclosures SET encoded = '' WHERE \"index\" = 30"
    assert by_hand(kept.home, statement) == 1
    return "disclosure-missing", "entry 30"


def _foreign_disclosure(kept: Kept) -> tuple[str, str]:
    statement = (
        "UPDATE oversight_logdisclosures SET encoded = "
        '(SELECT encoded FROM oversight_logdisclosures WHERE "index" = 31) WHERE "index" = 32'
    )
    assert by_hand(kept.home, statement) == 1
    return "disclosure-foreign", "entry 32"


def _rolled_back_checkpoint(kept: Kept) -> tuple[str, str]:
    """An earlier note, truly signed, over the entries of today."""
    earlier = (kept.older_export / "checkpoint").read_bytes()
    assert by_hand(kept.home, "UPDATE oversight_logstate SET checkpoint = ?", earlier) == 1
    return "size-differs", "checkpoint"


def _rolled_back_state(kept: Kept) -> tuple[str, str]:
    """Checkpoint and tree state of the day before: what comes next would be sealed over what was."""
    statement = "UPDATE oversight_logstate SET frontier = ?, checkpoint = ?"
    assert by_hand(kept.home, statement, *kept.older_state) == 1
    return "frontier-differs", "tree state"


def _other_signature(kept: Kept) -> tuple[str, str]:
    """A checkpoint over the right tree, signed by a key of the attacker's."""
    frontier, _ = first(kept.home, "SELECT frontier, checkpoint FROM oversight_logstate")
    assert isinstance(frontier, bytes)
    tree, forger = Frontier.from_bytes(frontier), _forger(kept)
    note = sign_checkpoint(Checkpoint(forger.verifier.name, tree.size, tree.root()), forger)
    assert by_hand(kept.home, "UPDATE oversight_logstate SET checkpoint = ?", note) == 1
    return "checkpoint-not-trusted", "checkpoint"


def _own_key_and_own_history(kept: Kept) -> tuple[str, str]:
    """The whole log written anew and signed anew, with the attacker's key put in the place of the log's."""
    forger = _forger(kept)
    with database(kept.home) as raw:
        bodies = [b for (b,) in raw.execute('SELECT body FROM oversight_logentry ORDER BY "index"')]
    bodies[40] = bodies[40].replace(b'"at":"2', b'"at":"1', 1)
    tree, nodes = Frontier(), {}
    for body in bodies:
        tree, new = tree.append(leaf_hash(body))
        nodes.update({place(n.level, n.index): n.hash for n in new})
    note = sign_checkpoint(Checkpoint(forger.verifier.name, tree.size, tree.root()), forger)
    by_hand(kept.home, 'UPDATE oversight_logentry SET body = ? WHERE "index" = 40', bodies[40])
    for at, value in nodes.items():
        if first(kept.home, "SELECT hash FROM oversight_lognode WHERE place = ?", at) != (value,):
            by_hand(kept.home, "UPDATE oversight_lognode SET hash = ? WHERE place = ?", value, at)
    by_hand(kept.home, "UPDATE oversight_logstate SET frontier = ?, checkpoint = ?", tree.to_bytes(), note)
    assert by_hand(kept.home, "UPDATE oversight_logkey SET vkey = ?", forger.vkey) == 1
    return "log-key-differs", f"key {forger.verifier.key_id.hex()}"


def _guard_taken_off(kept: Kept) -> tuple[str, str]:
    name = min(guards())
    with opened(kept.home), databases.as_owner(kept.home):
        databases.drop_guard(name)
    return "guard-missing", name


def _vault_bytes_gone(kept: Kept) -> tuple[str, str]:
    key = str(first(kept.home, "SELECT id FROM oversight_vaultobject ORDER BY id")[0])
    (kept.home / "vault" / key[-2:] / key).unlink()
    return "vault-object-missing", key


def _vault_bytes_changed(kept: Kept) -> tuple[str, str]:
    key = str(first(kept.home, "SELECT id FROM oversight_vaultobject ORDER BY id")[0])
    flip(kept.home / "vault" / key[-2:] / key, 40)
    return "vault-object-changed", key


def _vault_objects_swapped(kept: Kept) -> tuple[str, str]:
    """Two photographs change places, bytes and keys together."""
    with database(kept.home) as raw:
        (one, key), (other, other_key) = raw.execute(
            "SELECT id, wrapped_key FROM oversight_vaultobject WHERE kind = 'candidate' ORDER BY id LIMIT 2"
        ).fetchall()
    for object_id, wrapped in ((one, other_key), (other, key)):
        statement = "UPDATE oversight_vaultobject SET wrapped_key = ? WHERE id = ?"
        assert by_hand(kept.home, statement, wrapped, object_id) == 1
    first_file, second_file = (kept.home / "vault" / i[-2:] / i for i in (one, other))
    bytes_of_first = first_file.read_bytes()
    first_file.write_bytes(second_file.read_bytes())
    second_file.write_bytes(bytes_of_first)
    return "vault-object-changed", str(one)


def _forger(kept: Kept) -> Signer:
    with opened(kept.home) as office:
        return Signer.from_seed(office.origin, b"\x66" * 32)


IN_THE_DATABASE: list[Callable[[Kept], tuple[str, str]]] = [
    _changed_case,
    _changed_status,
    _moved_certificate,
    _granted_role,
    _deleted_candidate,
    _row_put_back,
    _deleted_entry,
    _deleted_in_the_middle,
    _changed_body,
    _swapped_bodies,
    _changed_leaf_node,
    _changed_inner_node,
    _deleted_node,
    _deleted_disclosure,
    _foreign_disclosure,
    _rolled_back_checkpoint,
    _rolled_back_state,
    _other_signature,
    _own_key_and_own_history,
    _guard_taken_off,
    _vault_bytes_gone,
    _vault_bytes_changed,
    _vault_objects_swapped,
]


@pytest.mark.parametrize("attack", IN_THE_DATABASE, ids=lambda attack: attack.__name__.strip("_"))
def test_a_change_in_the_database_is_named(
    kept: Kept, attack: Callable[[Kept], tuple[str, str]], counts: Counts
) -> None:
    """Code and place of what was changed, from the database alone."""
    expected = attack(kept)

    report = fsck(kept)

    assert expected in found(report), found(report)
    assert not report.sound
    counts.put(ATTACK, attack.__name__.strip("_").replace("_", " "), " at ".join(expected))


# --- the export -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InTheExport:
    """One bit of an exported file: which file, where, and how fsck and the offline verifier name it."""

    file: str
    at: int
    fsck: tuple[str, str]
    verify: str


def _in_the_export(kept: Kept) -> list[InTheExport]:
    rest = f"{kept.size % 256}"
    return [
        InTheExport("tile/0/000", 32 * 9 + 3, ("tile-changed", "hash 9 of tile/0/000"), "tile/0/000"),
        InTheExport(
            f"tile/0/001.p/{rest}", 5, ("tile-changed", f"hash 0 of tile/0/001.p/{rest}"), "tile/0/001"
        ),
        InTheExport("tile/1/000.p/1", 0, ("tile-changed", "hash 0 of tile/1/000.p/1"), "tile/1/000"),
        InTheExport("tile/entries/000", 30, ("bundle-changed", "entry 0 of tile/entries/000"), "entry 0"),
        InTheExport("checkpoint", -10, ("export-not-trusted", "checkpoint"), "checkpoint"),
    ]


@pytest.mark.parametrize("n", range(5))
def test_a_changed_bit_in_an_export_is_named(kept: Kept, n: int, counts: Counts) -> None:
    """By fsck against the database, and by the offline verifier alone."""
    case = _in_the_export(kept)[n]
    flip(kept.exported / case.file, case.at)

    assert case.fsck in found(fsck(kept, tiles=kept.exported))
    code, failures = verify(kept.exported)
    assert code == 3
    assert any(case.verify in failure for failure in failures), failures
    counts.put(ATTACK, f"one bit of {case.file.split('.p/')[0]}", " at ".join(case.fsck))


def test_a_changed_body_under_intact_tiles(kept: Kept, counts: Counts) -> None:
    """The tiles, the checkpoint and every consistency proof still hold: only hashing the bytes finds it."""
    bundle = kept.exported / "tile/entries/000"
    data = bundle.read_bytes()
    changed = data.replace(b'"outcome":"done"', b'"outcome":"gone"', 1)
    assert changed != data
    bundle.write_bytes(changed)

    code, failures = verify(kept.exported)

    assert code == 3
    index = _first_difference(data, changed)
    assert any(f"entry {index} " in f"{failure} " for failure in failures), failures
    assert ("bundle-changed", f"entry {index} of tile/entries/000") in found(fsck(kept, tiles=kept.exported))
    counts.put(ATTACK, "a changed body under intact tiles", f"bundle-changed at entry {index}")


def _first_difference(one: bytes, other: bytes) -> int:
    """In which entry of a bundle the first changed byte lies."""
    at = next(n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    index = start = 0
    while True:
        end = start + 2 + int.from_bytes(one[start : start + 2], "big")
        if at < end:
            return index
        index, start = index + 1, end


def test_an_older_database_put_back_under_a_newer_export(kept: Kept, counts: Counts) -> None:
    """A whole, sound, older copy: nothing in it is wrong, but the export knows better."""
    databases.put_back(kept.home, kept.backup)

    alone, beside = fsck(kept), fsck(kept, tiles=kept.exported)

    assert alone.log.findings == (), "an older copy is sound by itself: that is why exports are kept"
    assert ("export-ahead", "checkpoint") in found(beside)
    fresh = kept.folder / "fresh-export"
    with opened(kept.home) as office:
        assert office
        assert export_ledger(fresh).tree_size == kept.older
    code, failures = verify(fresh, "--older", str(kept.exported / "checkpoint"))
    assert code == 3
    assert any(f"signed for {kept.size} entries" in failure for failure in failures), failures
    counts.put(ATTACK, "an older database under a newer export", "export-ahead at checkpoint")


def test_another_history_after_an_older_database(kept: Kept, counts: Counts) -> None:
    """The older copy is put back and work goes on, under the true key: two histories, one export."""
    databases.put_back(kept.home, kept.backup)
    crowd = Crowd.load(roster_of(kept.home))
    (kept.home / "services" / CONNECTOR / "receipts.sqlite3").unlink()
    with opened(kept.home) as office:
        for n in (2, 3):
            _search(office, crowd, n)

    assert ("export-root-differs", "checkpoint") in found(fsck(kept, tiles=kept.exported))
    fresh = kept.folder / "fresh-export"
    with opened(kept.home):
        export_ledger(fresh)
    code, failures = verify(fresh, "--older", str(kept.exported / "checkpoint"))
    assert code == 3
    assert any("are not those that it was signed for" in failure for failure in failures), failures
    counts.put(ATTACK, "another history after an older database", "export-root-differs at checkpoint")
