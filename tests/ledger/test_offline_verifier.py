"""The offline verifier: alone, on an exported directory, as an auditor runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from counterseal.ledger import offline_verifier
from counterseal.ledger.checkpoint import Checkpoint, Signer, sign_checkpoint
from counterseal.ledger.directory import (
    checkpoint_path,
    readme,
    side_files,
)
from counterseal.ledger.directory import (
    offline_verifier as verifier_source,
)
from counterseal.ledger.errors import LedgerError, MisfiledCheckpointError
from counterseal.ledger.keys import KeyHistory
from counterseal.ledger.receipt import build_receipt
from counterseal.ledger.tiles import pack_bundle, split_bundle
from counterseal.ledger.tree import inclusion_proof, leaf_hash

ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": "", "LC_ALL": "C.UTF-8"}


def write(directory: Path, files) -> Path:
    for path, data in files:
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return directory


@pytest.fixture(scope="module")
def story(cheap_log):
    """600 entries and two rotations: refusals, answered and unanswered intents."""
    log = cheap_log(0)
    log.checkpoint()
    for at in range(298):
        if at == 100:
            log.rotate(b"\x02" * 32)
        if at == 200:
            log.rotate(b"\x03" * 32)
        intent = log.seal("search.intent", outcome="refused" if at % 100 == 7 else "permitted")
        log.seal("search.failed" if at % 2 else "search.outcome", causes=[intent])
        if at == 150:
            log.checkpoint()
    log.seal("search.intent", outcome="permitted")
    log.checkpoint()
    return log


@pytest.fixture
def exported(story, tmp_path):
    directory = tmp_path / "log"
    write(directory, side_files(story.keys, story.checkpoints))
    return write(directory, story.export())


@pytest.fixture
def run(monkeypatch, capsys):
    """The verifier's main in this process: exit code and JSON."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["verify.py", *map(str, arguments), "--json"])
        code = offline_verifier.main()
        return code, json.loads(capsys.readouterr().out)

    return call


def alone(directory: Path, *arguments, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As an auditor: the copy in the directory, another working directory, nothing of ours on the path."""
    program = (
        "import runpy, sys; sys.modules['counterseal'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", program, directory / "verify.py", directory, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


class TestAlone:
    def test_a_sound_log(self, exported, story, tmp_path):
        """`counterseal` cannot even be imported here."""
        done = alone(exported, "--vkey", story.keys.current.vkey, cwd=tmp_path)

        assert (done.returncode, done.stderr) == (0, "")
        assert "All 599 entries were hashed again" in done.stdout
        assert (
            "Entry 14, 2026-11-20T12:00:14.000000Z: search.intent was refused: HSI-M/4A3-training"
            in done.stdout
        )
        assert (
            "Entry 598, 2026-11-20T12:09:58.000000Z: an intent whose outcome was never sealed." in done.stdout
        )
        assert "You brought the key yourself" in done.stdout
        assert "One key without witnesses can sign two histories" in done.stdout
        assert done.stdout.endswith("The log holds.\n")

    def test_without_a_key_it_says_what_that_is_worth(self, exported, tmp_path):
        done = alone(exported, cwd=tmp_path)

        assert done.returncode == 0
        assert "as much as your trust in whoever handed it over" in done.stdout

    def test_a_tampered_log(self, exported, tmp_path):
        path = exported / "tile/entries/001"
        bodies = split_bundle(path.read_bytes(), 256)
        bodies[44] = bodies[46]
        path.write_bytes(pack_bundle(bodies))
        done = alone(exported, cwd=tmp_path)

        assert done.returncode == 3
        assert "FAIL  tile/0/001: hash 44 is not what entry 300 hashes to" in done.stdout
        assert "FAIL  the entries do not hash to the root hash that was signed" in done.stdout
        assert done.stdout.endswith("THE LOG DOES NOT HOLD. Keep this directory as it is.\n")

    def test_what_is_no_log(self, tmp_path, exported):
        done = alone(exported, "--vkey", "no key", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, "")
        assert done.stdout.startswith("error: ")

    def test_it_needs_the_standard_library_and_cryptography_only(self):
        source = verifier_source().decode()
        imported = {
            line.split()[1].partition(".")[0]
            for line in source.splitlines()
            if line.startswith(("import ", "from "))
        }

        assert imported - set(sys.stdlib_module_names) == {"cryptography"}
        assert len(source.splitlines()) < 350


class TestHolds:
    @pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 513])
    def test_at_every_shape(self, new_log, tmp_path, run, size):
        log = new_log()
        for _ in range(size):
            log.seal()
        write(tmp_path, [*side_files(log.keys, {}), *log.export()])
        code, result = run(tmp_path, "--vkey", log.signer.vkey)

        assert (code, result["failures"]) == (0, [])
        assert (result["tree_size"], result["root"]) == (size, log.frontier.root().hex())

    def test_with_every_key_that_the_log_has_had(self, exported, story, run):
        for period in story.keys.periods:
            code, result = run(exported, "--vkey", period.verifier.vkey)
            assert (code, result["vkey"]) == (0, story.keys.current.vkey)
        assert len(story.keys.periods) == 3

    def test_with_log_vkey_alone(self, new_log, tmp_path, run):
        log = new_log()
        log.seal()
        write(tmp_path, [*side_files(log.keys, {}), *log.export()])
        (tmp_path / "keys.json").unlink()
        assert run(tmp_path)[0] == 0

    def test_older_checkpoints(self, exported, story, run):
        older = [part for size in story.checkpoints for part in ("--older", exported / checkpoint_path(size))]
        code, result = run(exported, *older)

        assert code == 0
        assert sum("still begins with" in line for line in result["held"]) == len(story.checkpoints) == 5

    def test_receipts(self, exported, story, run, tmp_path):
        size = story.size
        for index in (0, 255, 256, 300, size - 1):
            proof = inclusion_proof(index, size, story.node)
            (tmp_path / "r").write_bytes(build_receipt(index, proof, story.checkpoint()))
            (tmp_path / "e").write_bytes(story.bodies[index])
            code, result = run(exported, "--receipt", tmp_path / "r", "--entry", tmp_path / "e")

            assert code == 0
            assert f"The receipt holds: these bytes are entry {index}." in result["held"]


class TestDoesNotHold:
    def fails(self, run, directory, *arguments) -> str:
        code, result = run(directory, *arguments)
        assert code == 3
        assert not result["ok"]
        return " | ".join(result["failures"])

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("tile/entries/000", "the entries do not hash to the root hash"),
            ("tile/0/001", "tile/0/001: hash 0 is not what entry 256 hashes to"),
            ("tile/0/002.p/87", "tile/0/002.p/87: hash 0 is not what entry 512 hashes to"),
            ("tile/1/000.p/2", "tile/1/000.p/2: hash 0 is not what tile 0 below hashes to"),
            ("checkpoint", "keys, checkpoint or bundles"),
            ("keys.json", "keys, checkpoint or bundles"),
            ("checkpoints/FIRST", "from FIRST entries on"),
        ],
    )
    def test_with_one_changed_file(self, exported, story, run, path, says):
        at = story.keys.periods[1].from_size
        target = exported / path.replace("FIRST", str(at))
        data = target.read_bytes()
        target.write_bytes(data[:5] + bytes([data[5] ^ 1]) + data[6:])

        assert says.replace("FIRST", str(at)) in self.fails(run, exported)

    @pytest.mark.parametrize(
        "path", ["tile/entries/000", "tile/0/001", "tile/1/000.p/2", "checkpoints/FIRST"]
    )
    def test_with_one_missing_file(self, exported, story, run, path):
        (exported / path.replace("FIRST", str(story.keys.periods[1].from_size))).unlink()

        assert "cannot be read (No such file or directory)" in self.fails(run, exported)

    def test_with_a_tile_cut_short(self, exported, run):
        path = exported / "tile/0/001"
        path.write_bytes(path.read_bytes()[:-32])
        assert "does not hold exactly 256 hashes" in self.fails(run, exported)

    def test_but_a_rotation_yet_to_come_is_no_fault(self, exported, story, run):
        coming = Signer.from_seed(story.origin, b"\x09" * 32)
        (exported / "keys.json").write_bytes(story.keys.rotated(coming.verifier, at_size=10**6).to_json())
        code, result = run(exported)
        assert (code, result["vkey"]) == (0, story.keys.current.vkey)

    def test_with_an_entry_taken_out(self, exported, run):
        path = exported / "tile/entries/001"
        path.write_bytes(pack_bundle(split_bundle(path.read_bytes(), 256)[:-1]))
        assert "it does not hold exactly 256 entries" in self.fails(run, exported)

    def test_with_all_bundles_gone(self, cheap_log, tmp_path, run):
        """A signed size that nothing stands behind must not keep the reader busy."""
        signer = cheap_log(0).signer
        huge = Checkpoint(signer.verifier.name, 10**15, bytes(32))
        keys = KeyHistory.single(signer.verifier)
        write(tmp_path, [*side_files(keys, {}), ("checkpoint", sign_checkpoint(huge, signer))])
        assert "too much is missing" in self.fails(run, tmp_path)

    def test_with_everything_rewritten_under_another_key(self, exported, story, new_log, run):
        """The directory is sound in itself; only a key from elsewhere tells."""
        thief = new_log()
        thief.signer = Signer.from_seed(story.origin, b"\x66" * 32)
        thief.keys = KeyHistory.single(thief.signer.verifier)
        for body in story.bodies[1:]:
            if b"key-rotated" not in body:
                thief.append(body)
        shutil.rmtree(exported)
        write(exported, [*side_files(thief.keys, {}), *thief.export()])

        assert "none that this log has used" in self.fails(run, exported, "--vkey", story.keys.current.vkey)

    def test_with_a_brought_key_put_into_the_future(self, exported, story, new_log, run):
        """Whoever writes keys.json must not make a key vouch that never signed here."""
        thief = Signer.from_seed(story.origin, b"\x66" * 32)
        log = new_log()
        log.signer = thief
        log.seal()
        keys = KeyHistory.single(thief.verifier).rotated(story.keys.current, at_size=10**9)
        shutil.rmtree(exported)
        write(exported, [("keys.json", keys.to_json()), *log.export()])

        assert "none that this log has used" in self.fails(run, exported, "--vkey", story.keys.current.vkey)

    def test_with_a_key_that_no_entry_names(self, exported, story, run):
        thief = Signer.from_seed(story.origin, b"\x66" * 32)
        keys = story.keys.rotated(thief.verifier, at_size=story.size)
        note = sign_checkpoint(story.head, story.signer, thief)
        write(
            exported,
            [
                ("keys.json", keys.to_json()),
                ("checkpoint", note),
                (checkpoint_path(story.size), note),
            ],
        )
        assert f"entry {story.size - 1} does not say so" in self.fails(run, exported)

    def test_with_a_checkpoint_of_the_rotation_that_is_another(self, exported, story, run):
        shutil.copy(exported / "checkpoint", exported / "checkpoints/201")
        assert "of another size" in self.fails(run, exported)

    def test_with_a_rotation_that_keys_json_lacks(self, new_log, tmp_path, run):
        log = new_log()
        old = log.signer
        log.rotate(b"\x02" * 32)
        files = log.files()
        files["checkpoint"] = sign_checkpoint(log.head, old)
        write(tmp_path, [("keys.json", KeyHistory.single(old.verifier).to_json()), *files.items()])
        assert "entry 0 changes the key, keys.json does not" in self.fails(run, tmp_path)

    def test_under_a_retired_key(self, exported, story, run):
        old = Signer.from_seed(story.origin, b"\x02" * 32)
        (exported / "checkpoint").write_bytes(sign_checkpoint(story.head, old))
        assert "is in force, and it did not sign" in self.fails(run, exported)

    def test_against_an_older_checkpoint_of_another_history(self, exported, story, run, tmp_path):
        for size, says in ((300, "are not those that it was signed for"), (10**6, "only 599 are left")):
            other = Checkpoint(story.origin, size, bytes(32))
            signers = (Signer.from_seed(story.origin, b"\x02" * 32),) if size == 300 else (story.signer,)
            (tmp_path / "older").write_bytes(sign_checkpoint(other, *signers))
            assert says in self.fails(run, exported, "--older", tmp_path / "older")

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda receipt, body: (receipt, body + b" "), "these bytes are not entry 300"),
            (lambda receipt, body: (receipt.replace(b"300", b"301"), body), "these bytes are not entry 301"),
            (
                lambda receipt, body: (receipt.replace(b"300", b"9999"), body),
                "these bytes are not entry 9999",
            ),
            (lambda receipt, body: (receipt.replace(b"v1", b"v2"), body), "no receipt"),
            (lambda receipt, body: (receipt.replace(b"300", b"0300"), body), "not a whole number"),
            (lambda receipt, body: (b"", body), "receipt"),
            (lambda receipt, body: (receipt[:-9] + b"\n", body), "receipt"),
            (lambda receipt, body: (drop_line(receipt, 2), body), "its proof does not lead"),
            (lambda receipt, body: (receipt.replace(b"ledger\n", b"other\n"), body), "is of the log"),
        ],
    )
    def test_with_a_false_receipt(self, exported, story, run, tmp_path, change, says):
        receipt = build_receipt(300, inclusion_proof(300, story.size, story.node), story.checkpoint())
        receipt, body = change(receipt, story.bodies[300])
        (tmp_path / "r").write_bytes(receipt)
        (tmp_path / "e").write_bytes(body)

        assert says in self.fails(run, exported, "--receipt", tmp_path / "r", "--entry", tmp_path / "e")

    @pytest.mark.parametrize(
        "body",
        [b"no JSON", b'{"b":1,"a":2}', b'{"a":"\\u00e9"}', b"{}", b"[]", b"\xff", b"[" * 60_000],
        ids=lambda body: repr(body[:20]),
    )
    def test_with_a_leaf_that_is_no_entry(self, new_log, tmp_path, run, body):
        log = new_log()
        log.seal()
        log.append(body)
        write(tmp_path, [*side_files(log.keys, {}), *log.export()])
        assert "entry 1 in tile/entries/000.p/2" in self.fails(run, tmp_path)

    def test_with_a_cause_that_is_not_earlier(self, new_log, tmp_path, run):
        log = new_log()
        log.seal(causes=[0])
        write(tmp_path, [*side_files(log.keys, {}), *log.export()])
        assert "names a cause that is not an earlier entry" in self.fails(run, tmp_path)

    @pytest.mark.parametrize(
        "keys",
        [
            b"",
            b"{}",
            b'{"keys": []}',
            b'{"keys": [{"from_size": 1, "vkey": "VKEY"}]}',
            b'{"keys": [{"from_size": 0, "vkey": "VKEY"}, {"from_size": 0, "vkey": "VKEY"}]}',
            b'{"keys": [{"from_size": true, "vkey": "VKEY"}]}',
            b'{"keys": [{"from_size": 0, "vkey": "x"}]}',
            b'{"keys": [{"from_size": 0, "vkey": "a+b+AAAA"}]}',
            b'{"keys": [{"from_size": 0, "vkey": 1}]}',
        ],
    )
    def test_with_keys_that_no_log_has(self, exported, story, run, keys):
        (exported / "keys.json").write_bytes(keys.replace(b"VKEY", story.keys.current.vkey.encode()))
        assert "keys, checkpoint or bundles" in self.fails(run, exported)

    def test_with_a_key_whose_id_is_another(self, exported, story, run):
        vkey = story.keys.current.vkey
        wrong = vkey.replace(story.keys.current.key_id.hex(), "00000000")
        (exported / "keys.json").unlink()
        (exported / "log.vkey").write_text(wrong + "\n")
        assert "should have the id" in self.fails(run, exported)

    @pytest.mark.parametrize(
        "change",
        [
            lambda note: note.replace(b"\n599\n", b"\n0599\n"),
            lambda note: note.replace(b"\n599\n", b"\n599\nextension\n"),
            lambda note: note.replace(b"\n", b"\r\n"),
            lambda note: note[:-1],
            lambda note: note.replace(b"\n\n", b"\n"),
            lambda note: note + b"no line\n",
            lambda note: note.replace(b"=\n\n", b"\n\n"),
            lambda note: b"\xff" + note,
            lambda note: stray_bits(note),
        ],
    )
    def test_with_a_checkpoint_in_another_spelling(self, exported, run, change):
        note = (exported / "checkpoint").read_bytes()
        assert change(note) != note
        (exported / "checkpoint").write_bytes(change(note))
        assert "keys, checkpoint or bundles" in self.fails(run, exported)


class TestBadInput:
    def test_is_said_and_has_its_own_exit_code(self, exported, run, tmp_path):
        wrong = [
            [tmp_path / "nowhere"],
            [exported, "--receipt", exported / "checkpoint"],
            [exported, "--vkey", "no key"],
            [exported, "--older", tmp_path / "nowhere"],
        ]
        for arguments in wrong:
            code, result = run(*arguments)
            assert (code, result["ok"]) == (2, False)
            assert result["error"]

    def test_is_said_in_words(self, monkeypatch, capsys, tmp_path, exported):
        monkeypatch.setattr(sys, "argv", ["verify.py", str(tmp_path / "nowhere")])
        assert offline_verifier.main() == 2
        assert "is no exported log" in capsys.readouterr().out
        monkeypatch.setattr(sys, "argv", ["verify.py", str(exported)])
        assert offline_verifier.main() == 0
        assert "The log holds." in capsys.readouterr().out


class TestSideFiles:
    def test_are_all_there(self, story):
        files = dict(side_files(story.keys, story.checkpoints))

        assert set(files) == {"log.vkey", "keys.json", "verify.py", "README.txt"} | {
            checkpoint_path(size) for size in story.checkpoints
        }
        assert files["verify.py"] == Path(offline_verifier.__file__).read_bytes()
        assert KeyHistory.from_json(files["keys.json"]) == story.keys

    def test_the_readme_names_log_key_and_limits(self, story):
        text = readme(story.keys)

        assert f"--vkey '{story.keys.current.vkey}'" in text
        assert "One key without witnesses can sign two histories" in text

    def test_a_rotation_without_its_checkpoint_is_not_exported(self, story):
        kept = {size: note for size, note in story.checkpoints.items() if size != 201}
        with pytest.raises(MisfiledCheckpointError, match="at size 201 is not there"):
            list(side_files(story.keys, kept))

    def test_a_checkpoint_under_another_size_or_key_is_not_exported(self, story, new_log):
        with pytest.raises(MisfiledCheckpointError, match="was signed for 599"):
            list(side_files(story.keys, {5: story.checkpoint()}))
        with pytest.raises(LedgerError):
            list(side_files(story.keys, {0: new_log("other.example").checkpoint()}))


def drop_line(text: bytes, at: int) -> bytes:
    lines = text.split(b"\n")
    return b"\n".join(lines[:at] + lines[at + 1 :])


def stray_bits(note: bytes) -> bytes:
    """The same root hash with one of the two bits set that decode to nothing."""
    at = note.index(b"=\n") - 1
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return note[:at] + bytes([alphabet[alphabet.index(note[at]) ^ 1]]) + note[at + 1 :]


def test_leaves_are_hashed_as_in_the_tree(story):
    """The verifier has its own hashing; both must be RFC 6962's."""
    root, proof = offline_verifier.climb([leaf_hash(body) for body in story.bodies], 300)

    assert root == story.frontier.root()
    assert tuple(proof) == inclusion_proof(300, story.size, story.node)
