"""What runs a network: one small interface, and the two engines behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.segmenting.model_file import ModelFile, open_model
from fissura.segmenting.onnxruntime_engine import OnnxRuntimeEngine, offered_providers
from fissura.segmenting.openvino_engine import OpenVinoEngine, openvino_is_installed

EngineName: TypeAlias = Literal["onnxruntime", "openvino"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


class Engine(Protocol):
    """A network ready to run; several threads may run it at the same time.

    Attributes:
        name: the library at work.
        arithmetic: in which numbers and on which device it computes, such as ``"float32 on CPU"``. An engine of
            another name or arithmetic gives results that differ a little.
        at_once: how many runs go on at the same time; each gets an equal share of the threads.
    """

    @property
    def name(self) -> EngineName: ...  # noqa: D102
    @property
    def arithmetic(self) -> str: ...  # noqa: D102
    @property
    def at_once(self) -> int: ...  # noqa: D102

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network.

        Args:
            batch: (B, planes, H, W) float32, normalised and contiguous; H and W multiples of the card's
                ``multiple_px``.

        Returns:
            (B, 1, H, W) float32 logits, the caller's own.
        """
        ...


def installed_engines() -> tuple[EngineName, ...]:
    """Name the engines that can be used: onnxruntime always, openvino where it is installed."""
    return ENGINES if openvino_is_installed() else ("onnxruntime",)


def open_engine(path: Path, name: EngineName, *, threads: int, at_once: int = 1) -> tuple[Engine, ModelFile]:
    """Open a model file in an engine.

    Args:
        path: the ``.onnx`` model file.
        name: which engine.
        threads: how many threads the runs may use together.
        at_once: how many runs go on at the same time, at most ``threads``.

    Returns:
        The engine and the model file, which onnxruntime has checked whatever the engine.

    Raises:
        FissuraError: if the model file cannot be used, or the engine is unknown or not installed.

    Example:
        >>> engine, model = open_engine(Path("walls.onnx"), "onnxruntime", threads=2)  # doctest: +SKIP
        >>> engine.run(np.zeros((1, 1, 64, 64), np.float32)).shape  # doctest: +SKIP
        (1, 1, 64, 64)
    """
    if name == "onnxruntime":
        model = open_model(path, threads=threads // at_once, providers=offered_providers())
        return OnnxRuntimeEngine(model.session, at_once), model
    if name not in ENGINES:
        raise FissuraError(f"engine {name!r}: there is none of that name; choose {', '.join(ENGINES)} or auto")
    if not openvino_is_installed():
        raise FissuraError("engine openvino: not installed; run: pip install 'fissura[fast]', or choose onnxruntime")
    model = open_model(path, threads=1)
    return OpenVinoEngine(path, model.content, threads=threads, at_once=at_once), model
