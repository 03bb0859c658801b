"""How much a network computes, and how fast this machine could: the two ends of a roofline.

S. Williams, A. Waterman, D. Patterson, Roofline: an insightful visual performance model, CACM 52(4), 2009.
"""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Callable

import numpy as np
import onnxruntime as ort

from fissura.errors import FissuraError

_SIDE = 2048  # of the matrices: 16 MB each, enough for all cores, quick on a laptop
_REPEATS = 6

# By operator, multiply-adds from the shapes of input, weights and output. Weights of a convolution are (outputs,
# inputs / groups, h, w), those of a transposed one (inputs, outputs / groups, h, w).
_COUNTED: dict[str, Callable[[list[int], list[int], list[int]], int]] = {
    "Conv": lambda _, weights, output: math.prod(output) * math.prod(weights[1:]),
    "ConvTranspose": lambda given, weights, _: math.prod(given) * math.prod(weights[1:]),
    "MatMul": lambda given, _, output: math.prod(output) * given[-1],
}


def multiply_adds(content: bytes, height: int, width: int) -> int:
    """Count the multiply-adds of a network's convolutions and matrix products for one photograph.

    What else it computes (sums, activations, resizing) is left out, as is usual: it is next to nothing.

    Args:
        content: the model file's bytes.
        height: of the photograph in px, a multiple of the model's ``multiple_px``.
        width: of the photograph in px, likewise.

    Returns:
        The number of multiply-adds.

    Raises:
        FissuraError: if the package ``onnx`` is not installed.

    Example:
        >>> multiply_adds(Path("walls.onnx").read_bytes(), 448, 448)  # doctest: +SKIP
        3062497280
    """
    if importlib.util.find_spec("onnx") is None:
        raise FissuraError("multiply-adds: the package onnx is not installed; run: pip install 'fissura[train]'")
    import onnx

    # The network is run and asked for its sizes: not all that it does to shapes can be inferred from the file.
    model = onnx.load_from_string(content)
    counted = [node for node in model.graph.node if node.op_type in _COUNTED]
    del model.graph.output[:]
    for node in counted:
        for tensor in (node.input[0], node.input[1], node.output[0]):
            name = f"shape of {tensor}"
            if name not in (value.name for value in model.graph.output):
                model.graph.node.append(onnx.helper.make_node("Shape", [tensor], [name]))
                model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    planes = session.get_inputs()[0].shape[1]
    found = session.run(None, {"photo": np.zeros((1, planes, height, width), np.float32)})
    shapes = {
        value.name: [int(size) for size in shape] for value, shape in zip(model.graph.output, found, strict=True)
    }

    def shape_of(tensor: str) -> list[int]:
        return shapes[f"shape of {tensor}"]

    return sum(
        _COUNTED[node.op_type](shape_of(node.input[0]), shape_of(node.input[1]), shape_of(node.output[0]))
        for node in counted
    )


def matrix_product_peak() -> float:
    """Measure this machine's matrix product in float32, by NumPy's on all cores it uses.

    Returns:
        The most multiply-adds per second seen, over a few products of 2048 x 2048 matrices.
    """
    first, second = np.random.default_rng(0).standard_normal((2, _SIDE, _SIDE), np.float32)
    best = math.inf
    for _ in range(_REPEATS):
        start = time.perf_counter()
        first @ second
        best = min(best, time.perf_counter() - start)
    return float(_SIDE**3 / best)
