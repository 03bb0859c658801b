"""The fast engine for CPUs: OpenVINO, which comes with the extra ``fast``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError

_ARITHMETIC = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


def openvino_is_installed() -> bool:
    """Tell whether OpenVINO can be imported, without importing it."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoEngine:
    """A network in OpenVINO on the CPU; see `fissura.segmenting.engines.Engine`.

    It computes in bfloat16 where the CPU has instructions for it, which is nearly twice as fast as float32 and
    moves next to no pixel of a mask; a quantised model's 8-bit layers stay 8-bit.

    Args:
        path: the model file, for messages.
        content: its bytes, which onnxruntime has opened before: weights outside the file are refused there.
        threads: how many threads the runs may use together.
        at_once: how many runs go on at the same time.

    Raises:
        FissuraError: if OpenVINO cannot run this network.
    """

    name: Literal["openvino"] = "openvino"

    def __init__(self, path: Path, content: bytes, *, threads: int, at_once: int = 1) -> None:
        import openvino

        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": at_once,
            # A container's share of cores is no list of cores: pinned, two processes would sit on the same ones.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            core = openvino.Core()
            compiled: Any = core.compile_model(core.read_model(content), "CPU", settings)
        except RuntimeError as error:
            raise FissuraError(f"{path}: OpenVINO cannot run this network; choose --engine onnxruntime") from error
        # The first tensor sets up what all share. Two threads that both made it waited for each other for ever: one
        # held Python's lock and wanted the binding's, the other the reverse.
        openvino.Tensor(np.zeros(1, np.float32))
        self.at_once = at_once
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self.arithmetic = f"{_ARITHMETIC.get(precision, precision)} on CPU"
        self._requests: SimpleQueue[Any] = SimpleQueue()  # those at rest; a request runs one batch at a time
        for _ in range(at_once):
            self._requests.put(compiled.create_infer_request())

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network: (B, planes, H, W) float32 to logits (B, 1, H, W) float32."""
        request = self._requests.get()
        try:
            return request.infer({"photo": batch}, share_inputs=True)["logit"].copy()  # type: ignore[no-any-return]
        finally:
            self._requests.put(request)
