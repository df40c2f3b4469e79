"""An engine from a directory that an agency brings: one manifest, ONNX files, nothing fetched.

`model.toml` names everything that shapes a template, and pins every file by SHA-256. What is hashed is what is
loaded: bytes are read once, through a descriptor that follows no link, and handed to ONNX Runtime. A wrong
digest, a missing licence, a wrong shape, external data or an operator of another domain: the engine is not
served, and the error names the field.

    [engine]
    name = "agency-recogniser"            # letters, digits, dot, hyphen
    metric = "cosine"                     # or "euclidean"
    dimension = 512
    [detector]
    kind = "embedded"                     # or "onnx", then with file, sha256, licence, training_data, input
    [recogniser]
    file = "recogniser.onnx"              # one input (n, 3, height, width), one output (n, dimension), float32
    sha256 = "…"
    licence = "Apache-2.0"
    licence_file = "LICENSE.recogniser"   # the text, kept beside the file
    training_data = "which pictures, collected how"
    [recogniser.input]
    size = [112, 112]                     # width, height
    channel_order = "RGB"                 # or "BGR"
    mean = [127.5, 127.5, 127.5]          # value = (pixel - mean) * scale, in channel order
    scale = [0.0078125, 0.0078125, 0.0078125]
    [alignment]
    points = [[38.3, 51.7], …]            # in chip pixels: two eyes, or eyes, nose tip, mouth corners
    [permission]                          # needed where a licence allows research only
    granted_by = "…"
    instrument = "…"
    date = 2026-01-31
    [golden]                              # optional; checked where it is there
    photograph = "golden.png"
    sha256 = "…"
    features = […]
    tolerance = 1e-4

Points are in the picture's order, left before right. A detector of kind `onnx` has one output `faces` (n, 15)
in input pixels: left, top, width, height, the five points as x, y pairs, score; faces under `score_minimum`
are left out, overlapping ones are not merged.
"""

import hashlib
import math
import os
import re
import stat
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from PIL import Image

from counterseal.biometrics.embedded import EmbeddedEngine, load_embedded
from counterseal.biometrics.engine import Box, Engine, Face, LandmarkScheme, Metric, Pixels, Point, Template
from counterseal.biometrics.errors import EngineLoadError
from counterseal.biometrics.recogniser import session_options
from counterseal.biometrics.stills import Still, read_still

MANIFEST = "model.toml"
MANIFEST_MAX = 1_000_000
FILE_MAX = 2_000_000_000
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
_RESEARCH = re.compile(r"non[- ]?commercial|research|academic|\bnc\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network reads. width, height: pixels. order: RGB or BGR. value = (pixel - mean) * scale."""

    width: int
    height: int
    order: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def prepared(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """(height, width, 3) uint8 RGB to (1, 3, height, width) float32."""
        ordered = pixels if self.order == "RGB" else pixels[:, :, ::-1]
        values = (ordered - np.array(self.mean)) * np.array(self.scale)
        return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Network:
    """One pinned file of the directory."""

    file: str
    sha256: str
    licence: str
    training_data: str
    input: InputSpec
    model: bytes


class _Table:
    """A table of the manifest whose missing or ill-typed fields are refused by name."""

    def __init__(self, values: Any, name: str) -> None:
        if not isinstance(values, dict):
            raise EngineLoadError(f"`{MANIFEST}`: table `[{name}]` is missing")
        self.values: dict[str, Any] = values
        self.name = name

    def refuse(self, field: str, says: str) -> EngineLoadError:
        return EngineLoadError(f"`{MANIFEST}`: `{self.name}.{field}` {says}")

    def text(self, field: str) -> str:
        value = self.values.get(field)
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(field, "is missing or empty")
        return value

    def choice(self, field: str, choices: tuple[str, ...]) -> str:
        value = self.text(field)
        if value not in choices:
            raise self.refuse(field, f"is `{value}`; it is one of {', '.join(choices)}")
        return value

    def whole(self, field: str, low: int, high: int) -> int:
        value = self.values.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(field, f"is no whole number from {low} to {high}")
        return value

    def numbers(self, field: str, count: int) -> tuple[float, ...]:
        value = self.values.get(field)
        if not isinstance(value, list) or len(value) != count or not all(_finite(v) for v in value):
            raise self.refuse(field, f"is no list of {count} finite numbers")
        return tuple(float(v) for v in value)

    def number(self, field: str) -> float:
        value = self.values.get(field)
        if not _finite(value):
            raise self.refuse(field, "is no finite number")
        return float(value)  # type: ignore[arg-type]

    def table(self, field: str) -> "_Table":
        return _Table(self.values.get(field), f"{self.name}.{field}")


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _Folder:
    """Files read by name out of one directory, once, without following links."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str, field: str, most: int = FILE_MAX) -> bytes:
        if not name or name != Path(name).name or name in (".", ".."):
            raise EngineLoadError(f"`{MANIFEST}`: `{field}` is `{name}`; a plain file name is needed")
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise EngineLoadError(f"`{field}`: file `{name}` cannot be opened: {error.strerror}") from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise EngineLoadError(f"`{field}`: `{name}` is no regular file")
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size > most:
                raise EngineLoadError(f"`{field}`: `{name}` has {status.st_size:,} bytes; at most {most:,}")
            return file.read(most + 1)

    def pinned(self, table: _Table, field: str = "file") -> bytes:
        name, digest = table.text(field), table.text("sha256")
        data = self.read(name, f"{table.name}.{field}")
        found = hashlib.sha256(data).hexdigest()
        if found != digest.lower():
            raise table.refuse("sha256", f"is `{digest}`, but file `{name}` has `{found}`")
        return data


class BroughtEngine:
    """Detector, alignment and recogniser of one directory. Made by `load_brought`."""

    def __init__(
        self,
        *,
        engine_id: str,
        metric: Metric,
        dimension: int,
        recogniser: Network,
        detector: Network | None,
        score_minimum: float,
        alignment: tuple[Point, ...],
        embedded: EmbeddedEngine | None,
        threads: int,
    ) -> None:
        """Build the sessions and check their shapes.

        Raises EngineLoadError: a network does not load, or its shapes differ from the manifest.
        """
        self.engine_id = engine_id
        self.metric = metric
        self.dimension = dimension
        self._recogniser = recogniser
        self._detector = detector
        self._score_minimum = score_minimum
        self._alignment = np.array(alignment, dtype=np.float64)
        self._embedded = embedded
        self._features = _session(recogniser, "recogniser", (None, dimension), threads)
        self._faces = _session(detector, "detector", (None, 15), threads) if detector else None

    @property
    def recogniser_sha256(self) -> str:
        """Digest of the recogniser's file, checked on loading."""
        return self._recogniser.sha256.lower()

    def detect(self, pixels: Pixels) -> tuple[Face, ...]:
        """Every face, the largest first."""
        if self._embedded is not None:
            return self._embedded.detect(pixels)
        assert self._detector is not None and self._faces is not None
        spec = self._detector.input
        height, width = pixels.shape[:2]
        factor = max(width / spec.width, height / spec.height)
        size = (
            min(spec.width, max(1, round(width / factor))),
            min(spec.height, max(1, round(height / factor))),
        )
        canvas = np.zeros((spec.height, spec.width, 3), dtype=np.uint8)
        canvas[: size[1], : size[0]] = np.asarray(
            Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
        )
        rows = _run(self._faces, spec.prepared(canvas))
        if not np.all(np.isfinite(rows)):
            raise ValueError("the detector's output holds a number that is not finite")
        faces = [self._face(row * factor, float(row[14])) for row in rows if row[14] >= self._score_minimum]
        return tuple(sorted(faces, key=lambda face: (-face.box.width, face.box.left, face.box.top)))

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        """The aligned square of the manifest's size."""
        source = np.array([*face.eyes] if len(self._alignment) == 2 else [*face.landmarks], dtype=np.float64)
        a, b, x, y = _similarity(self._alignment, source)
        matrix = np.array([a, -b, x, b, a, y])
        picture = Image.fromarray(pixels)
        # Reduce first: a bilinear pick of a much larger picture would alias.
        if (shrink := math.floor(math.hypot(a, b))) > 1:
            picture = picture.reduce(shrink)
            matrix = matrix / shrink
        spec = self._recogniser.input
        chip = picture.transform(
            (spec.width, spec.height),
            Image.Transform.AFFINE,
            tuple(matrix.tolist()),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(chip, dtype=np.uint8)

    def template(self, chip: Pixels) -> Template:
        """The features of one chip."""
        features = _run(self._features, self._recogniser.input.prepared(chip))[0]
        return Template(features, self.engine_id)

    def _face(self, row: npt.NDArray[np.float32], score: float) -> Face:
        left, top, width, height = (round(float(value)) for value in row[:4])
        points = tuple((float(row[4 + 2 * i]), float(row[5 + 2 * i])) for i in range(5))
        box = Box(left, top, left + max(1, width), top + max(1, height))
        return Face(box, points, LandmarkScheme.EYES_NOSE_MOUTH, score, "onnx")


def load_brought(folder: Path, *, threads: int = 1) -> BroughtEngine:
    """Load, check and try the engine of one directory.

    Raises EngineLoadError: naming the field of `model.toml` or the file that does not hold.
    """
    # 1 manifest, 2 files and digests, 3 licences, 4 networks and shapes, 5 golden photograph.
    files = _Folder(folder)
    data = files.read(MANIFEST, MANIFEST, MANIFEST_MAX)
    try:
        whole = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EngineLoadError(f"`{MANIFEST}` is not valid TOML: {error}") from error
    engine = _Table(whole.get("engine"), "engine")
    name = engine.text("name")
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", name):
        raise engine.refuse("name", "may hold letters, digits, dots and hyphens, at most 64")
    metric = Metric(engine.choice("metric", tuple(Metric)))
    dimension = engine.whole("dimension", 2, 8192)
    recogniser = _network(files, _Table(whole.get("recogniser"), "recogniser"), whole)
    detector, score_minimum, embedded = None, 0.0, None
    table = _Table(whole.get("detector"), "detector")
    if table.choice("kind", ("embedded", "onnx")) == "embedded":
        embedded = load_embedded(threads=threads)
    else:
        detector = _network(files, table, whole)
        score_minimum = table.number("score_minimum")
    digest = hashlib.sha256(data + (embedded.engine_id.encode() if embedded else b"")).hexdigest()
    loaded = BroughtEngine(
        engine_id=f"{name}:{digest[:16]}",
        metric=metric,
        dimension=dimension,
        recogniser=recogniser,
        detector=detector,
        score_minimum=score_minimum,
        alignment=_alignment(_Table(whole.get("alignment"), "alignment"), embedded is not None),
        embedded=embedded,
        threads=threads,
    )
    if "golden" in whole:
        _check_golden(loaded, files, _Table(whole["golden"], "golden"))
    return loaded


def _network(files: _Folder, table: _Table, whole: dict[str, Any]) -> Network:
    data = files.pinned(table)
    licence, training_data = table.text("licence"), table.text("training_data")
    text = files.read(table.text("licence_file"), f"{table.name}.licence_file", MANIFEST_MAX)
    if not text.strip():
        raise table.refuse("licence_file", "is an empty file: the licence's text is kept beside the model")
    if _RESEARCH.search(licence) or _RESEARCH.search(text.decode(errors="replace")[:2000]):
        _check_permission(table, licence, whole.get("permission"))
    spec = table.table("input")
    size = spec.numbers("size", 2)
    if any(value != int(value) or not 8 <= value <= 4096 for value in size):
        raise spec.refuse("size", "is width and height, whole numbers from 8 to 4096")
    return Network(
        table.text("file"),
        table.text("sha256"),
        licence,
        training_data,
        InputSpec(
            int(size[0]),
            int(size[1]),
            spec.choice("channel_order", ("RGB", "BGR")),
            spec.numbers("mean", 3),
            spec.numbers("scale", 3),
        ),
        data,
    )


def _check_permission(table: _Table, licence: str, permission: Any) -> None:
    if permission is None:
        raise table.refuse(
            "licence",
            f"is `{licence}`, which allows research only: operational use needs a table `[permission]` with"
            " `granted_by`, `instrument` and `date`",
        )
    recorded = _Table(permission, "permission")
    recorded.text("granted_by")
    recorded.text("instrument")
    if not isinstance(recorded.values.get("date"), date):
        raise recorded.refuse("date", "is no date")


def _alignment(table: _Table, embedded: bool) -> tuple[Point, ...]:
    value = table.values.get("points")
    if not isinstance(value, list) or len(value) not in (2, 5):
        raise table.refuse("points", "is no list of 2 or 5 points")
    if embedded and len(value) == 5:
        raise table.refuse("points", "has 5 points, but the embedded detector gives the eyes only: state 2")
    points = []
    for point in value:
        if not isinstance(point, list) or len(point) != 2 or not all(_finite(v) for v in point):
            raise table.refuse("points", "holds something that is not a pair of finite numbers")
        points.append((float(point[0]), float(point[1])))
    if points[0][0] >= points[1][0]:
        raise table.refuse("points", "is not in the picture's order: the left eye comes first")
    return tuple(points)


def _session(
    network: Network, name: str, output: tuple[int | None, ...], threads: int
) -> onnxruntime.InferenceSession:
    try:
        model = onnx.load_from_string(network.model)
        _check_contents(model, name)
        onnx.checker.check_model(model)
        session = onnxruntime.InferenceSession(
            network.model, session_options(threads), providers=["CPUExecutionProvider"]
        )
    except EngineLoadError:
        raise
    # protobuf, the checker and ONNX Runtime each have errors of their own.
    except Exception as error:
        raise EngineLoadError(f"`{name}.file`: `{network.file}` does not load: {error}") from error
    spec = network.input
    _check_shape(session.get_inputs(), (None, 3, spec.height, spec.width), f"{name}.input")
    _check_shape(session.get_outputs(), output, f"{name}.file")
    return session


def _check_shape(found: Any, wanted: tuple[int | None, ...], field: str) -> None:
    says = [f"{one.name} {one.type} {one.shape}" for one in found]
    if (
        len(found) != 1
        or found[0].type != "tensor(float)"
        or len(found[0].shape) != len(wanted)
        # A dimension of the file that is no number may take any size; so may one that we leave open.
        or any(
            isinstance(size, int) and want is not None and size != want
            for size, want in zip(found[0].shape, wanted, strict=True)
        )
    ):
        raise EngineLoadError(f"`{field}`: the network has {says}; one float32 of shape {wanted} is needed")


def _check_contents(model: onnx.ModelProto, name: str) -> None:
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    tensors: list[onnx.TensorProto] = []
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            nodes += graph.node
            tensors += graph.initializer
            for sparse in graph.sparse_initializer:
                tensors += [sparse.values, sparse.indices]
        while nodes:
            node = nodes.pop()
            if node.domain not in _DOMAINS:
                raise EngineLoadError(
                    f"`{name}.file`: operator `{node.op_type}` is of domain `{node.domain}`"
                )
            for attribute in node.attribute:
                graphs += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
                tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
    if any(t.data_location == onnx.TensorProto.EXTERNAL or t.external_data for t in tensors):
        raise EngineLoadError(
            f"`{name}.file`: the network keeps data in other files; put everything into one"
        )


def _run(session: onnxruntime.InferenceSession, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(session.run(None, {session.get_inputs()[0].name: batch})[0], dtype=np.float32)


def _similarity(
    chip: npt.NDArray[np.float64], picture: npt.NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Least-squares turn, scale and shift (a, b, x, y) that takes chip points to picture points."""
    c, p = chip.mean(axis=0), picture.mean(axis=0)
    u, v = chip - c, picture - p
    size = float((u**2).sum())
    a = float((u * v).sum()) / size
    b = float((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / size
    if math.hypot(a, b) < 1e-6:
        raise ValueError("the landmarks lie on one point")
    return a, b, float(p[0] - a * c[0] + b * c[1]), float(p[1] - b * c[0] - a * c[1])


def _check_golden(engine: Engine, files: _Folder, table: _Table) -> None:
    """From the unaligned photograph to the features, so that a wrong alignment shows too."""
    data = files.pinned(table, "photograph")
    expected = np.array(table.numbers("features", engine.dimension))
    tolerance = table.number("tolerance")
    still = read_still(data)
    if not isinstance(still, Still):
        raise table.refuse("photograph", f"cannot be used: {still.says}")
    faces = engine.detect(still.pixels)
    if len(faces) != 1:
        raise table.refuse("photograph", f"shows {len(faces)} faces to this engine; one is needed")
    features = engine.template(engine.chip(still.pixels, faces[0])).values
    difference = float(np.max(np.abs(features - expected)))
    # Written so that NaN fails too.
    if not difference <= tolerance:
        raise table.refuse("features", f"differs by {difference:.3g} from what this engine makes")
