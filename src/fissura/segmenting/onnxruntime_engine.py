"""The engine that is always there: ONNX Runtime, on a graphics processor where its build offers one."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

# Preferred first. TensorRT is left out: it compiles anew, for minutes, for each size of photograph.
_PROVIDERS = {"CUDAExecutionProvider": "CUDA", "CoreMLExecutionProvider": "CoreML", "CPUExecutionProvider": "CPU"}


def offered_providers() -> tuple[str, ...]:
    """Name the devices that this build of ONNX Runtime can use, the preferred first."""
    available = ort.get_available_providers()
    return tuple(name for name in _PROVIDERS if name in available)


class OnnxRuntimeEngine:
    """A network in ONNX Runtime; see `fissura.segmenting.engines.Engine`.

    Args:
        session: the network.
        at_once: how many runs may go on at the same time; the session's threads are each run's share.

    Example:
        >>> OnnxRuntimeEngine(open_model(Path("walls.onnx"), threads=2).session).arithmetic  # doctest: +SKIP
        'float32 on CPU'
    """

    name: Literal["onnxruntime"] = "onnxruntime"

    def __init__(self, session: ort.InferenceSession, at_once: int = 1) -> None:
        self._session = session
        self._free = BoundedSemaphore(at_once)
        self.at_once = at_once
        # The session tells which devices it could indeed open; CPU is always the last of them.
        self.arithmetic = f"float32 on {_PROVIDERS.get(session.get_providers()[0], 'CPU')}"

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network: (B, planes, H, W) float32 to logits (B, 1, H, W) float32."""
        with self._free:
            (logit,) = self._session.run(["logit"], {"photo": batch})
        return logit  # type: ignore[no-any-return]
