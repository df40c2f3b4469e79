"""An engine that an agency brings: what is refused, and that a good one works. The networks are made here."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from counterseal.biometrics.brought import load_brought
from counterseal.biometrics.capture import Capture, capture
from counterseal.biometrics.compare import compare
from counterseal.biometrics.engine import LandmarkScheme
from counterseal.biometrics.errors import EngineLoadError, EngineMismatchError
from counterseal.terms.biometrics import FailureCode, FailureToAcquire, SimilarityScore

SIZE = 16
DIMENSION = 3 * SIZE * SIZE
DETECTOR_SIZE = 64
# Eyes, nose tip, mouth corners of the one face that the toy detector always finds, in its 64 px input.
POINTS = [(24, 26), (40, 26), (32, 34), (26, 44), (38, 44)]
# The same five in the 16 px chip: a quarter of the size, moved by 4 px to the left and 2 px up.
CHIP_POINTS = [[2.0, 4.5], [6.0, 4.5], [4.0, 6.5], [2.5, 9.0], [5.5, 9.0]]


def model_bytes(nodes, inputs, outputs, constants, opsets=()) -> bytes:
    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), *opsets]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def recogniser_bytes(size=SIZE, dimension=DIMENSION, **options) -> bytes:
    """Flattens the chip and multiplies it with a fixed matrix."""
    matrix = np.eye(3 * size * size, dimension, dtype=np.float32)
    return model_bytes(
        [
            helper.make_node("Flatten", ["chip"], ["flat"]),
            helper.make_node("MatMul", ["flat", "m"], ["features"]),
        ],
        [helper.make_tensor_value_info("chip", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", dimension])],
        [numpy_helper.from_array(matrix, "m")],
        **options,
    )


def detector_bytes(rows) -> bytes:
    """Always answers `rows`, plus nothing of the picture."""
    return model_bytes(
        [
            helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "zero"], ["none"]),
            helper.make_node("Add", ["rows", "none"], ["faces"]),
        ],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, DETECTOR_SIZE, DETECTOR_SIZE])],
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, [len(rows), 15])],
        [
            numpy_helper.from_array(np.array(rows, np.float32), "rows"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
        ],
    )


def face_row(score=0.9) -> list[float]:
    return [16, 16, 32, 36, *(float(v) for point in POINTS for v in point), score]


def toml_of(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and value.startswith("date:"):
        return value[5:]
    return json.dumps(value)


class Folder:
    """A good directory that a test then spoils in one place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.put("recogniser.onnx", recogniser_bytes())
        self.put("detector.onnx", detector_bytes([face_row(), face_row(0.1)]))
        self.put("LICENSE", b"Permission is granted to use this for any purpose.")
        network = {"licence": "MIT", "licence_file": "LICENSE", "training_data": "numbers made by a formula"}
        pixels = {"channel_order": "RGB", "mean": [0.0, 0.0, 0.0], "scale": [1.0, 1.0, 1.0]}
        self.manifest = {
            "engine": {"name": "toy-engine", "metric": "cosine", "dimension": DIMENSION},
            "detector": {
                "kind": "onnx",
                "file": "detector.onnx",
                "score_minimum": 0.5,
                **network,
                "input": {"size": [DETECTOR_SIZE, DETECTOR_SIZE], **pixels},
            },
            "recogniser": {"file": "recogniser.onnx", **network, "input": {"size": [SIZE, SIZE], **pixels}},
            "alignment": {"points": CHIP_POINTS},
        }

    def put(self, name: str, data: bytes) -> None:
        (self.path / name).write_bytes(data)

    def pin(self) -> None:
        for table in self.manifest.values():
            for field in ("file", "photograph"):
                if isinstance(table, dict) and field in table and "sha256" not in table:
                    name = self.path / table[field]
                    data = name.read_bytes() if name.is_file() else b""
                    table["sha256"] = hashlib.sha256(data).hexdigest()

    def load(self):
        self.pin()
        lines = []
        for name, table in self.manifest.items():
            lines += [f"[{name}]", *(f"{key} = {toml_of(value)}" for key, value in table.items()), ""]
        (self.path / "model.toml").write_text("\n".join(lines))
        return load_brought(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def photograph(tmp_path: Path, seed: int = 1, size: int = 128) -> bytes:
    y, x = np.mgrid[0:size, 0:size]
    pixels = np.stack([(x * 3 + seed * 40) % 256, (y * 2 + seed * 9) % 256, (x + y) % 256], -1).astype(
        np.uint8
    )
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return (tmp_path / "picture.png").read_bytes()


class TestGood:
    def test_a_photograph_becomes_a_template(self, folder, tmp_path, open_floor):
        engine = folder.load()

        taken = capture(photograph(tmp_path), engine=engine, floor=open_floor)

        assert isinstance(taken, Capture)
        assert taken.template.engine_id == engine.engine_id and engine.engine_id.startswith("toy-engine:")
        assert taken.template.values.shape == (DIMENSION,)
        assert taken.face.scheme is LandmarkScheme.EYES_NOSE_MOUTH
        # The picture has twice the size of the detector's input.
        assert taken.face.landmarks[0] == (48.0, 52.0) and taken.face.box.left == 32
        other = capture(photograph(tmp_path, 4), engine=engine, floor=open_floor)
        same, different = (compare(taken.template, t, engine) for t in (taken.template, other.template))
        assert isinstance(same, SimilarityScore)
        assert same.value == pytest.approx(1) and different.value < 0.99

    def test_alignment_puts_the_landmarks_where_the_manifest_says(self, folder, tmp_path):
        engine = folder.load()
        pixels = np.zeros((64, 64, 3), np.uint8)
        for x, y in POINTS:
            pixels[y - 2 : y + 2, x - 2 : x + 2] = 255
        (face,) = engine.detect(pixels)

        chip = engine.chip(pixels, face)

        assert chip.shape == (SIZE, SIZE, 3)
        for x, y in CHIP_POINTS:
            around = chip[int(y - 1) : int(y + 2), int(x - 1) : int(x + 2)]
            assert around.max() > 100, (x, y)

    def test_channel_order_mean_and_scale_are_applied(self, folder, tmp_path):
        engine = folder.load()
        chip = np.zeros((SIZE, SIZE, 3), np.uint8)
        chip[..., 0] = 200
        plain = engine.template(chip).values.reshape(3, -1)
        assert (plain[0] == 200).all() and (plain[1:] == 0).all()

        spec = folder.manifest["recogniser"]["input"]
        spec |= {"channel_order": "BGR", "mean": [100.0, 0.0, 0.0], "scale": [0.5, 1.0, 0.01]}
        changed = folder.load()
        values = changed.template(chip).values.reshape(3, -1)
        assert values[0] == pytest.approx(-50) and values[2] == pytest.approx(2)
        assert changed.engine_id != engine.engine_id
        with pytest.raises(EngineMismatchError):
            compare(engine.template(chip), changed.template(chip), engine)

    def test_the_embedded_detector_with_two_eyes(self, folder, crowd, probe_floor):
        folder.manifest["detector"] = {"kind": "embedded"}
        folder.manifest["alignment"]["points"] = CHIP_POINTS[:2]
        engine = folder.load()

        taken = capture(crowd[0].photograph(0), engine=engine, floor=probe_floor)

        assert isinstance(taken, Capture) and taken.chip.shape == (SIZE, SIZE, 3)

    def test_several_faces_are_several(self, folder, tmp_path, open_floor):
        folder.put("detector.onnx", detector_bytes([face_row(), face_row(0.8)]))
        refused = capture(photograph(tmp_path), engine=folder.load(), floor=open_floor)
        assert refused.code is FailureCode.SEVERAL_FACES

    def test_a_detector_of_nonsense_is_a_failure_to_acquire(self, folder, tmp_path, open_floor):
        for row in ([float("nan")] * 15, [float("inf")] * 15, [0.0] * 14 + [1.0]):
            folder.manifest["detector"].pop("sha256", None)
            folder.put("detector.onnx", detector_bytes([row]))
            refused = capture(photograph(tmp_path), engine=folder.load(), floor=open_floor)
            assert isinstance(refused, FailureToAcquire), row


class TestGolden:
    def good(self, folder: Folder, tmp_path: Path) -> None:
        folder.put("golden.png", photograph(tmp_path))
        engine = folder.load()
        pixels = np.asarray(Image.open(tmp_path / "picture.png"))
        features = engine.template(engine.chip(pixels, engine.detect(pixels)[0])).values
        folder.manifest["golden"] = {
            "photograph": "golden.png",
            "features": [float(v) for v in features],
            "tolerance": 1e-3,
        }

    def test_the_right_vector_loads(self, folder, tmp_path):
        self.good(folder, tmp_path)
        assert folder.load().dimension == DIMENSION

    def test_a_wrong_vector_does_not(self, folder, tmp_path):
        self.good(folder, tmp_path)
        folder.manifest["golden"]["features"][0] += 1
        with pytest.raises(EngineLoadError, match=r"golden\.features"):
            folder.load()

    def test_a_wrong_alignment_shows(self, folder, tmp_path):
        """It starts from the unaligned photograph: a wrong template costs a model most of its accuracy."""
        self.good(folder, tmp_path)
        folder.manifest["alignment"]["points"] = [[x + 1, y] for x, y in CHIP_POINTS]
        with pytest.raises(EngineLoadError, match=r"golden\.features"):
            folder.load()

    def test_a_changed_photograph_shows(self, folder, tmp_path):
        self.good(folder, tmp_path)
        folder.pin()
        folder.put("golden.png", photograph(tmp_path, 2))
        with pytest.raises(EngineLoadError, match=r"golden\.sha256"):
            folder.load()


def spoil(path: str, value):
    """A change at `table.field` of the manifest; None removes it."""

    def change(folder: Folder) -> None:
        *tables, field = path.split(".")
        at = folder.manifest
        for table in tables:
            at = at[table]
        if value is None:
            del at[field]
        else:
            at[field] = value

    return change


MANIFEST_FAULTS = {
    "engine.name": [None, "", "a b", "x" * 65],
    "engine.metric": [None, "manhattan"],
    "engine.dimension": [None, 1, 1.5, "many", True, DIMENSION - 1],
    "detector.kind": [None, "haar"],
    "detector.score_minimum": [None, "high"],
    "detector.licence": [None, ""],
    "detector.training_data": [None, " "],
    "recogniser.file": [None, "../recogniser.onnx", "/etc/passwd", "missing.onnx"],
    "recogniser.sha256": ["0" * 64, ""],
    "recogniser.licence": [None, "", "non-commercial research only", "CC-BY-NC-4.0"],
    "recogniser.licence_file": [None, "missing.txt"],
    "recogniser.training_data": [None],
    "recogniser.input.size": [None, [16], [16, 4], [16.5, 16], [32, 32], ["a", "b"]],
    "recogniser.input.channel_order": [None, "GRB"],
    "recogniser.input.mean": [None, [0.0], [0.0, 0.0, "x"]],
    "recogniser.input.scale": [None, [1.0, 1.0]],
    "alignment.points": [None, [], [[1, 2]], [[6.0, 4.0], [2.0, 4.0]], [[1, 2], [3]], [[1, 2], ["a", 2]]],
}
FAULTS = [(path, value) for path, values in MANIFEST_FAULTS.items() for value in values]


@pytest.mark.parametrize(("path", "value"), FAULTS)
def test_a_fault_in_the_manifest_is_refused_by_its_name(folder, path, value):
    folder.pin()
    spoil(path, value)(folder)

    with pytest.raises(EngineLoadError) as caught:
        folder.load()

    # A dimension or size that contradicts the network is told with the network's own shape.
    assert path in str(caught.value) or "network has" in str(caught.value)


@pytest.mark.parametrize("table", ["engine", "detector", "recogniser", "alignment"])
def test_a_missing_table_is_named(folder, table):
    del folder.manifest[table]
    with pytest.raises(EngineLoadError, match=table):
        folder.load()


def test_the_good_folder_loads(folder):
    """The faults above are faults: without them the same folder loads."""
    assert folder.load().engine_id == folder.load().engine_id
    assert len(FAULTS) > 40


def test_five_points_need_a_detector_that_gives_five(folder):
    folder.manifest["detector"] = {"kind": "embedded"}
    with pytest.raises(EngineLoadError, match=r"alignment\.points"):
        folder.load()


def test_no_toml_is_refused(tmp_path):
    with pytest.raises(EngineLoadError, match=r"model\.toml"):
        load_brought(tmp_path)
    for data in (b"[engine", b"\xff\xfe", b"x" * 1_000_001):
        (tmp_path / "model.toml").write_bytes(data)
        with pytest.raises(EngineLoadError, match=r"model\.toml"):
            load_brought(tmp_path)


class TestLicence:
    def permit(self, folder: Folder, **change) -> None:
        folder.manifest["recogniser"]["licence"] = "Non-commercial research only"
        folder.manifest["permission"] = {
            "granted_by": "Head of Procurement",
            "instrument": "contract 7",
            "date": "date:2026-01-31",
            **change,
        }

    def test_research_only_loads_with_a_recorded_permission(self, folder):
        self.permit(folder)
        assert folder.load().dimension == DIMENSION

    @pytest.mark.parametrize("change", [{"granted_by": ""}, {"instrument": ""}, {"date": "tomorrow"}])
    def test_a_permission_says_who_what_and_when(self, folder, change):
        self.permit(folder, **change)
        with pytest.raises(EngineLoadError, match=f"permission.{next(iter(change))}"):
            folder.load()

    def test_the_text_beside_the_model_counts_too(self, folder):
        """A field that says MIT over a text that says research only."""
        folder.put("LICENSE", b"These weights are for non-commercial research purposes only.")
        with pytest.raises(EngineLoadError, match="licence"):
            folder.load()

    def test_an_empty_text_is_no_licence(self, folder):
        folder.put("LICENSE", b"  \n")
        with pytest.raises(EngineLoadError, match="licence_file"):
            folder.load()


class TestFiles:
    def test_one_changed_byte_is_refused(self, folder):
        folder.pin()
        data = bytearray((folder.path / "recogniser.onnx").read_bytes())
        data[-1] ^= 1
        folder.put("recogniser.onnx", bytes(data))
        with pytest.raises(EngineLoadError, match=r"recogniser\.sha256"):
            folder.load()

    def test_a_link_is_not_followed(self, folder, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "real.onnx"
        elsewhere.write_bytes(recogniser_bytes())
        folder.pin()
        (folder.path / "recogniser.onnx").unlink()
        (folder.path / "recogniser.onnx").symlink_to(elsewhere)
        with pytest.raises(EngineLoadError, match=r"recogniser\.file.*cannot be opened"):
            folder.load()

    def test_a_pipe_or_folder_is_no_file(self, folder):
        for make in (os.mkfifo, os.mkdir):
            (folder.path / "recogniser.onnx").unlink(missing_ok=True)
            make(folder.path / "recogniser.onnx")
            with pytest.raises(EngineLoadError, match=r"recogniser\.file"):
                folder.load()
            if make is os.mkfifo:
                (folder.path / "recogniser.onnx").unlink()

    def test_external_data_is_refused(self, folder):
        model = onnx.load_from_string(recogniser_bytes())
        onnx.external_data_helper.convert_model_to_external_data(
            model, location="weights.bin", size_threshold=0
        )
        folder.put("weights.bin", model.graph.initializer[0].raw_data)
        model.graph.initializer[0].data_location = TensorProto.EXTERNAL
        model.graph.initializer[0].ClearField("raw_data")
        folder.put("recogniser.onnx", model.SerializeToString())
        with pytest.raises(EngineLoadError, match=r"recogniser\.file"):
            folder.load()

    def test_an_operator_of_another_domain_is_refused(self, folder):
        data = model_bytes(
            [helper.make_node("Evil", ["chip"], ["features"], domain="com.example")],
            [helper.make_tensor_value_info("chip", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIMENSION])],
            [],
            opsets=[helper.make_opsetid("com.example", 1)],
        )
        folder.put("recogniser.onnx", data)
        with pytest.raises(EngineLoadError, match=r"com\.example"):
            folder.load()

    @pytest.mark.parametrize("data", [b"", b"not an onnx file", b"\x08\x08"])
    def test_a_file_that_is_no_network_is_refused(self, folder, data):
        folder.put("recogniser.onnx", data)
        with pytest.raises(EngineLoadError, match=r"recogniser\.file"):
            folder.load()

    def test_another_size_or_length_is_refused(self, folder):
        for data in (recogniser_bytes(size=8), recogniser_bytes(dimension=5)):
            folder.manifest["recogniser"].pop("sha256", None)
            folder.put("recogniser.onnx", data)
            with pytest.raises(EngineLoadError, match="network has"):
                folder.load()

    def test_a_detector_with_other_columns_is_refused(self, folder):
        folder.put("detector.onnx", detector_bytes([face_row()]).replace(b"faces", b"faced"))
        folder.load()
        folder.manifest["detector"].pop("sha256")
        folder.put("detector.onnx", recogniser_bytes(size=DETECTOR_SIZE, dimension=14))
        with pytest.raises(EngineLoadError, match=r"detector.*network has"):
            folder.load()
