"""The model files: found without running their package, pinned, licensed."""

import subprocess
import sys
from pathlib import Path

import pytest

from counterseal.biometrics import models
from counterseal.biometrics.errors import EngineLoadError
from counterseal.biometrics.models import (
    MMOD_DETECTOR,
    PINNED,
    licence_text,
    models_folder,
    private_copy,
    read_model,
)


def test_all_three_files_are_the_pinned_ones():
    assert [len(read_model(file)) for file in PINNED] == [file.size for file in PINNED]
    assert len(PINNED) == 3


def test_the_package_is_never_imported_and_the_68_point_file_never_opened():
    """It needs `pkg_resources`; the 68-point predictor's training data exclude commercial use."""
    code = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from counterseal.biometrics.embedded import load_embedded\n"
        "load_embedded()\n"
        "assert 'face_recognition_models' not in sys.modules\n"
        "assert any('5_face' in path for path in opened), 'the audit hook saw nothing'\n"
        "assert not any('68' in path.rsplit('/', 1)[-1] for path in opened if path.endswith('.dat'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_one_changed_byte_is_refused(tmp_path: Path):
    data = bytearray((models_folder() / MMOD_DETECTOR.name).read_bytes())
    data[1000] ^= 1
    (tmp_path / MMOD_DETECTOR.name).write_bytes(data)

    with pytest.raises(EngineLoadError, match="is not the pinned one"):
        read_model(MMOD_DETECTOR, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(EngineLoadError, match=MMOD_DETECTOR.name):
        read_model(MMOD_DETECTOR, tmp_path)


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "PACKAGE", "no_such_package_here")

    with pytest.raises(EngineLoadError, match="install"):
        models_folder()
    with pytest.raises(EngineLoadError, match="reinstall"):
        licence_text()


def test_the_library_gets_a_copy_of_the_checked_bytes():
    with private_copy(MMOD_DETECTOR) as path:
        assert Path(path).read_bytes() == read_model(MMOD_DETECTOR)
    assert not Path(path).exists()


def test_the_licence_ships_with_the_files():
    assert licence_text().startswith("CC0 1.0 Universal")
