"""A service that runs an engine which an agency brings: its own gallery, its own scores, its own direction."""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from counterseal.casework.models import Probe
from counterseal.cli.demo.agency import made
from counterseal.gateway.enrol_references import enrol_references
from counterseal.gateway.search import Answered
from counterseal.terms.errors import CountersealError
from office import IN_GALLERY, LocalService, person

SIZE, DIMENSION = 32, 64


def bring(folder: Path) -> None:
    """A toy recogniser behind the embedded detector: the picture itself, pooled and centred, is the template."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(3 * SIZE * SIZE, DIMENSION)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["chip"], ["flat"]),
            helper.make_node("MatMul", ["flat", "m"], ["features"]),
        ],
        "toy",
        [helper.make_tensor_value_info("chip", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIMENSION])],
        [numpy_helper.from_array(matrix, "m")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = model.SerializeToString()
    (folder / "recogniser.onnx").write_bytes(data)
    (folder / "LICENSE").write_text("Anybody may use this for anything.")
    (folder / "model.toml").write_text(
        f"""
[engine]
name = "toy-engine"
metric = "cosine"
dimension = {DIMENSION}
[detector]
kind = "embedded"
[recogniser]
file = "recogniser.onnx"
sha256 = "{hashlib.sha256(data).hexdigest()}"
licence = "MIT"
licence_file = "LICENSE"
training_data = "random numbers from a seed"
[recogniser.input]
size = [{SIZE}, {SIZE}]
channel_order = "RGB"
mean = [127.5, 127.5, 127.5]
scale = [0.0078125, 0.0078125, 0.0078125]
[alignment]
points = [[10.0, 12.0], [22.0, 12.0]]
"""
    )


@pytest.fixture
def brought(office, tmp_path):
    """The office's service, told to run the brought engine, with a new gallery."""
    bring(tmp_path / "engine")
    service = office.office.home / "services" / "embedded"
    config = tomllib.loads((service / "service.toml").read_text()) | {"engine": str(tmp_path / "engine")}
    del config["verification_threshold"]
    (service / "service.toml").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in config.items()))
    for file in (service / "gallery").iterdir():
        file.unlink()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(IN_GALLERY):
        (pictures / f"{person(n).person_id}.jpg").write_bytes(person(n).photograph(0))
    enrolled = enrol_references(office.office, connector="embedded", pictures=pictures, by=office.who("rue"))
    assert enrolled.enrolled == IN_GALLERY
    office.local["embedded"] = LocalService(service, office.clock)
    return office


class TestBroughtEngine:
    def test_a_search_runs_on_it_and_says_so(self, brought):
        """The same photograph comes first, with a similarity of the brought engine: higher is more alike."""
        answered = brought.searched(photograph=person(3).photograph(0))

        scores = [c.score for c in answered.answer.candidates]
        assert answered.answer.engine_id.startswith("toy-engine")
        assert answered.answer.score_kind == "similarity"
        assert answered.answer.candidates[0].reference_id == person(3).person_id
        assert scores == sorted(scores, reverse=True)
        assert brought.fsck().sound

    def test_another_engines_gallery_is_refused(self, brought):
        """Templates of two engines are never compared: the service does not even open the gallery."""
        service = brought.office.home / "services" / "embedded"
        text = (service / "service.toml").read_text()
        (service / "service.toml").write_text(
            "\n".join(x for x in text.splitlines() if not x.startswith("engine"))
        )

        with pytest.raises(CountersealError, match="engine"):
            LocalService(service, brought.clock)

    def test_a_changed_model_is_not_served(self, brought, tmp_path):
        """One byte of the network differs from the manifest: a failure, sealed, and nothing compared."""
        engine = tmp_path / "engine-2"
        bring(engine)
        data = bytearray((engine / "recogniser.onnx").read_bytes())
        data[-1] ^= 1
        (engine / "recogniser.onnx").write_bytes(bytes(data))
        service = brought.office.home / "services" / "embedded"
        text = (service / "service.toml").read_text().replace(str(tmp_path / "engine"), str(engine))
        (service / "service.toml").write_text(text)

        with pytest.raises(CountersealError, match=r"sha256|digest"):
            LocalService(service, brought.clock)


def test_a_probe_reaches_it_through_the_road(brought):
    """One-to-one without a stated threshold: a score, and no decision."""
    case = brought.case()
    probe = brought.probe(case, photograph=person(2).photograph(1))
    assert isinstance(probe, Probe)
    request = made(brought.request(case, probe, mode="verification", claimed_reference=person(2).person_id))

    answered = brought.search(request)

    assert isinstance(answered, Answered)
    assert answered.answer.comparison.decision is None
