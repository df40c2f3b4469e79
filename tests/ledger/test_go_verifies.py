"""Programs by others verify our log: Go's own sumdb/tlog and sumdb/note read what we export."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from counterseal.ledger.checkpoint import sign_checkpoint
from counterseal.ledger.directory import side_files
from counterseal.ledger.tiles import pack_bundle, split_bundle

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "verify_with_go"
GOPATH = Path(os.environ.get("GOLOG_GOPATH", "/usr/share/gocode"))


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    """Runs tools/verify_with_go; the program is built once."""
    if shutil.which("go") is None:
        pytest.skip("no Go compiler (Debian: golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("golang.org/x/mod is not installed (Debian: golang-golang-x-mod-dev)")
    binary = tmp_path_factory.mktemp("golog") / "golog"

    def run(*arguments) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TOOL, *map(str, arguments)],
            env=os.environ | {"GOLOG_BINARY": str(binary)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def write(directory: Path, log) -> Path:
    for path, data in [*side_files(log.keys, log.checkpoints), *log.export()]:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    return directory


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, 66_000])
def test_go_accepts_our_log(go, cheap_log, tmp_path, size):
    """Checkpoint, re-hash of every bundle, every tile, inclusion, consistency from an older checkpoint."""
    log = cheap_log(size // 2)
    log.checkpoint()
    older = tmp_path / "older"
    older.write_bytes(log.checkpoint())
    for index in range(size // 2, size):
        log.append(b"leaf %d" % index)
    done = go(
        "-vkey", log.signer.vkey, "-samples", -1 if size < 1000 else 200, write(tmp_path / "log", log), older
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{size} entries" in done.stdout
    assert done.stdout.count("ok  ") == 5
    if size < 1000:
        assert f"inclusion of {size} entries" in done.stdout
    assert f"consistent with the checkpoint of {size // 2} entries" in done.stdout


def test_go_accepts_sealed_entries_and_a_rotation(go, new_log, tmp_path):
    log = new_log()
    for _ in range(300):
        log.seal()
    log.checkpoint()
    log.rotate(b"\x02" * 32)
    log.seal()
    directory = write(tmp_path / "log", log)
    done = go(directory, directory / "checkpoints" / "300")

    assert done.returncode == 0, done.stdout
    assert "consistent with the checkpoint of 300 entries" in done.stdout


class TestGoRejects:
    @pytest.fixture
    def directory(self, log, tmp_path):
        log.checkpoint()
        return write(tmp_path / "log", log)

    def test_a_tampered_bundle(self, go, directory):
        path = directory / "tile/entries/001"
        bodies = split_bundle(path.read_bytes(), 256)
        bodies[44] = bodies[45]
        path.write_bytes(pack_bundle(bodies))
        done = go(directory)

        assert done.returncode == 3
        assert "entry 300 in tile/entries/001 does not hash to its leaf in tile/0/001" in done.stdout

    def test_a_tampered_tile(self, go, directory):
        path = directory / "tile/1/000.p/2"
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        done = go(directory)

        assert done.returncode == 3
        assert "inconsistent tile" in done.stdout

    def test_a_forged_checkpoint(self, go, directory, log, new_log):
        path = directory / "checkpoint"
        path.write_bytes(path.read_bytes().replace(b"\n700\n", b"\n699\n"))
        assert go(directory).returncode == 3

    def test_another_history(self, go, directory, log, new_log, tmp_path):
        other = new_log()
        other.seal(more="another history")
        older = tmp_path / "older"
        older.write_bytes(sign_checkpoint(other.head, other.signer))
        done = go(directory, older)

        assert done.returncode == 3
        assert "does not extend" in done.stdout
