"""The dlib recogniser's parameters in an ONNX graph: the same 128 numbers, about twenty times faster.

The file is pinned by digest, so a fixed table of offsets is enough: 29 convolutions, each followed by an
affine layer, and one matrix, all as raw little-endian float32. The affine layers fold into the
convolutions. Shapes follow dlib's `dnn_face_recognition_ex.cpp` (network `anet_type`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from counterseal.biometrics import self_test
from counterseal.biometrics.errors import EngineLoadError
from counterseal.biometrics.models import RECOGNISER, read_model

CHIP_SIZE = 150
DIMENSION = 128
# dlib `input_rgb_image_sized`: mean of its training pictures, then division by 256.
CHANNEL_MEANS = (122.782, 117.001, 104.298)
CHANNEL_SCALE = 256.0
OPSET = 17

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution and its affine layer: byte offsets in the file, and the convolution's shape."""

    filters_at: int
    affine_at: int
    outputs: int
    inputs: int
    kernel: int
    stride: int


def _layers(rows: Sequence[tuple[int, int]], outputs: int, inputs: int, stride: int = 1) -> list[Layer]:
    return [Layer(filters, affine, outputs, inputs, 3, stride) for filters, affine in rows]


# Byte offsets of the first filter and of the first gain, in the order of the computation.
LAYERS: tuple[Layer, ...] = (
    Layer(352, 19_400, 32, 3, 7, 2),
    *_layers(
        [
            (19_826, 56_920),
            (57_289, 94_383),
            (94_796, 131_890),
            (132_259, 169_353),
            (169_766, 206_860),
            (207_229, 244_323),
        ],
        32,
        32,
    ),
    *_layers([(244_736, 318_822)], 64, 32, 2),
    *_layers(
        [
            (319_447, 467_261),
            (467_987, 615_801),
            (616_426, 764_240),
            (764_909, 912_723),
            (913_348, 1_061_162),
            (1_061_831, 1_209_645),
            (1_210_270, 1_358_084),
        ],
        64,
        64,
    ),
    *_layers([(1_358_754, 1_654_281)], 128, 64, 2),
    *_layers(
        [
            (1_655_419, 2_245_858),
            (2_247_097, 2_837_536),
            (2_838_674, 3_429_113),
            (3_430_295, 4_020_734),
            (4_021_872, 4_612_311),
        ],
        128,
        128,
    ),
    *_layers([(4_613_493, 5_794_271)], 256, 128, 2),
    *_layers(
        [
            (5_796_435, 8_156_862),
            (8_159_127, 10_519_554),
            (10_521_718, 12_882_145),
            (12_884_353, 15_244_780),
            (15_246_944, 17_607_371),
        ],
        256,
        256,
    ),
    *_layers([(17_609_579, 19_970_006)], 256, 256, 2),
    *_layers([(19_972_170, 22_332_597)], 256, 256),
)
MATRIX_AT = 22_334_922
MATRIX_SHAPE = (256, DIMENSION)


def parameters(data: bytes) -> tuple[list[tuple[Floats, Floats]], Floats]:
    """Folded filters and biases of the 29 convolutions, and the final matrix (256 x 128).

    data: the recogniser's file, already checked against its digest.
    """

    def floats(offset: int, count: int) -> npt.NDArray[np.float64]:
        return np.frombuffer(data, "<f4", count, offset).astype(np.float64)

    folded = []
    for layer in LAYERS:
        weights = layer.outputs * layer.inputs * layer.kernel**2
        filters = floats(layer.filters_at, weights).reshape(
            layer.outputs, layer.inputs, layer.kernel, layer.kernel
        )
        bias = floats(layer.filters_at + 4 * weights, layer.outputs)
        gain = floats(layer.affine_at, layer.outputs)
        shift = floats(layer.affine_at + 4 * layer.outputs, layer.outputs)
        folded.append(
            (
                (filters * gain[:, None, None, None]).astype(np.float32),
                (bias * gain + shift).astype(np.float32),
            )
        )
    matrix = floats(MATRIX_AT, MATRIX_SHAPE[0] * MATRIX_SHAPE[1]).reshape(MATRIX_SHAPE)
    return folded, matrix.astype(np.float32)


class _Graph:
    """Builds the network step by step; every method returns the name of what it made."""

    def __init__(self, layers: Sequence[tuple[Floats, Floats]]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._layers = iter(zip(LAYERS, layers, strict=True))

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def convolution(self, source: str) -> str:
        layer, (filters, bias) = next(self._layers)
        # dlib pads by half the kernel, but not where it strides.
        pad = 0 if layer.stride > 1 else layer.kernel // 2
        return self.node(
            "Conv",
            source,
            self.constant(filters),
            self.constant(bias),
            strides=[layer.stride] * 2,
            pads=[pad] * 4,
        )

    def residual(self, source: str) -> str:
        inner = self.convolution(self.node("Relu", self.convolution(source)))
        return self.node("Relu", self.node("Add", inner, source))

    def residual_down(self, source: str, *, pad_channels: int, pad_inner: int) -> str:
        """Halve the size. dlib adds operands of unequal size as if the smaller were padded with zeros."""
        inner = self.convolution(self.node("Relu", self.convolution(source)))
        shortcut = self.node("AveragePool", source, kernel_shape=[2, 2], strides=[2, 2])
        if pad_channels:
            pads = np.array([0, 0, 0, 0, 0, pad_channels, 0, 0], np.int64)
            shortcut = self.node("Pad", shortcut, self.constant(pads))
        if pad_inner:
            pads = np.array([0, 0, 0, 0, 0, 0, pad_inner, pad_inner], np.int64)
            inner = self.node("Pad", inner, self.constant(pads))
        return self.node("Relu", self.node("Add", inner, shortcut))


def build_network(data: bytes) -> bytes:
    """An ONNX model: `chips` (n, 3, 150, 150) float32 in 0..255, RGB, to `features` (n, 128)."""
    folded, matrix = parameters(data)
    graph = _Graph(folded)
    means = graph.constant(np.array(CHANNEL_MEANS, np.float32).reshape(1, 3, 1, 1))
    scale = graph.constant(np.array(1 / CHANNEL_SCALE, np.float32))
    at = graph.node("Mul", graph.node("Sub", "chips", means), scale)
    at = graph.node("Relu", graph.convolution(at))  # 72
    at = graph.node("MaxPool", at, kernel_shape=[3, 3], strides=[2, 2])  # 35
    for _ in range(3):
        at = graph.residual(at)
    at = graph.residual_down(at, pad_channels=32, pad_inner=0)  # 17
    for _ in range(3):
        at = graph.residual(at)
    at = graph.residual_down(at, pad_channels=64, pad_inner=0)  # 8
    for _ in range(2):
        at = graph.residual(at)
    at = graph.residual_down(at, pad_channels=128, pad_inner=1)  # 3, padded to 4
    for _ in range(2):
        at = graph.residual(at)
    at = graph.residual_down(at, pad_channels=0, pad_inner=1)  # 1, padded to 2
    at = graph.node("Flatten", graph.node("GlobalAveragePool", at))
    graph.nodes.append(helper.make_node("MatMul", [at, graph.constant(matrix)], ["features"]))
    chips = helper.make_tensor_value_info("chips", TensorProto.FLOAT, ["n", 3, CHIP_SIZE, CHIP_SIZE])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIMENSION])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "recogniser", [chips], [features], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Sequential, on `threads` threads of the CPU; never spinning while idle."""
    if threads < 1:
        raise ValueError(f"`threads` is {threads}: at least 1")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


class Recogniser:
    """150 px chips to 128 numbers, compared by Euclidean distance (not unit length).

    Raises EngineLoadError where the start-up self-test differs: a failing engine is not served.
    """

    def __init__(self, *, threads: int = 1) -> None:
        """Read, check, build and test the network. Takes about 0.2 s."""
        data = read_model(RECOGNISER)
        self._session = onnxruntime.InferenceSession(
            build_network(data), session_options(threads), providers=["CPUExecutionProvider"]
        )
        self.model_digest = hashlib.sha256(data).hexdigest()
        features = self.features(self_test.chip()[None])[0]
        difference = float(np.max(np.abs(features - np.array(self_test.FEATURES))))
        # Written so that NaN fails too.
        if not difference <= self_test.TOLERANCE:
            raise EngineLoadError(
                f"the recogniser's self-test differs by {difference:.3g} (at most {self_test.TOLERANCE:g})"
            )

    def features(self, chips: Pixels) -> Floats:
        """(n, 150, 150, 3) uint8 RGB to (n, 128) float32."""
        if chips.ndim != 4 or chips.shape[1:] != (CHIP_SIZE, CHIP_SIZE, 3) or chips.dtype != np.uint8:
            raise ValueError(f"chips have shape {chips.shape} and type {chips.dtype}")
        batch = np.ascontiguousarray(chips.transpose(0, 3, 1, 2), dtype=np.float32)
        return np.asarray(self._session.run(["features"], {"chips": batch})[0], dtype=np.float32)
