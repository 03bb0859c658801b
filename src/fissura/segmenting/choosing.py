"""Choosing an engine by measuring, once per machine and model.

Which engine is faster depends on the CPU's instructions and on the network: nobody can know it beforehand. So
both run a tile of the model's own size for a moment, and the answer is kept in the user's cache folder. An
engine whose probabilities differ from onnxruntime's is out, however fast.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from fissura.errors import FissuraError
from fissura.files import written_whole
from fissura.segmenting.engines import ENGINES, Engine, EngineName, installed_engines, open_engine

_SECONDS = 1.0  # of measuring, besides opening and warming up
_FEWEST_RUNS = 3
_MOST_APART = 0.01  # mean difference of the probabilities of two engines; bfloat16 makes about 0.001


@dataclass(frozen=True)
class Choice:
    """The engine chosen for a model on this machine, and why.

    Attributes:
        name: the engine.
        tile_ms: by engine, milliseconds for one tile of the model's size; empty where there was no choice.
    """

    name: EngineName
    tile_ms: Mapping[EngineName, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in words, such as ``"measured per tile: onnxruntime 49 ms, openvino 18 ms"``."""
        if not self.tile_ms:
            return "the only one installed or fit"
        return "measured per tile: " + ", ".join(f"{name} {ms:.3g} ms" for name, ms in self.tile_ms.items())


def choose_engine(model: Path, threads: int) -> Choice:
    """Choose the faster engine for a model on this machine.

    Args:
        model: the ``.onnx`` model file.
        threads: how many threads the engine may use.

    Returns:
        The choice, measured now or taken from the user's cache folder.

    Raises:
        FissuraError: if the model file cannot be used.

    Example:
        >>> choose_engine(Path("walls.onnx"), threads=2).name  # doctest: +SKIP
        'openvino'
    """
    if installed_engines() == ("onnxruntime",):
        return Choice("onnxruntime")
    first, opened = open_engine(model, "onnxruntime", threads=threads)
    key = _key(opened.sha256, threads)
    known = _cached(key)
    if known is not None:
        return known
    card = opened.card
    shape = (1, card.planes, card.tile_px, card.tile_px)
    tile = np.random.default_rng(0).standard_normal(shape, np.float32)
    try:
        engines: dict[EngineName, Engine] = {"onnxruntime": first, **_others(model, threads, first, tile)}
    except Exception:  # as of the runtime, of any kind: photograph by photograph it will be said
        return Choice("onnxruntime")
    choice = _fastest(engines, tile)
    _keep(key, choice)
    return choice


def _others(model: Path, threads: int, first: Engine, tile: NDArray[np.float32]) -> dict[EngineName, Engine]:
    """Open the engines that agree with the first one."""
    expected = _probability(first, tile)
    agreeing: dict[EngineName, Engine] = {}
    for name in installed_engines()[1:]:
        try:
            engine, _ = open_engine(model, name, threads=threads)
            found = _probability(engine, tile)
        except (FissuraError, RuntimeError):  # a network that this engine cannot run
            continue
        if found.shape == expected.shape and np.abs(found - expected).mean() <= _MOST_APART:
            agreeing[name] = engine
    return agreeing


def _fastest(engines: Mapping[EngineName, Engine], tile: NDArray[np.float32]) -> Choice:
    """Run the engines in turns, so that other work on the machine strikes them alike; the best run counts."""
    if len(engines) == 1:
        return Choice(next(iter(engines)))
    best = dict.fromkeys(engines, np.inf)
    end, runs = time.perf_counter() + _SECONDS, 0
    while runs < _FEWEST_RUNS or time.perf_counter() < end:
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run(tile)
            best[name] = min(best[name], time.perf_counter() - start)
        runs += 1
    return Choice(min(best, key=best.__getitem__), {name: round(1000 * s, 3) for name, s in best.items()})


def _probability(engine: Engine, tile: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.nan_to_num(0.5 * (1 + np.tanh(0.5 * engine.run(tile))))  # type: ignore[no-any-return]


def _key(sha256: str, threads: int) -> str:
    """Name what a choice depends on: machine, threads, versions, model."""
    libraries = [f"{name} {version(name)}" for name in ENGINES]
    return " | ".join(
        [platform.node(), platform.processor() or platform.machine(), f"{threads} threads", *libraries, sha256]
    )


def _cache() -> Path:
    return user_cache_path("fissura", appauthor=False) / "engines.json"


def _read_cache() -> dict[str, dict[str, float]]:
    try:
        content = json.loads(_cache().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _cached(key: str) -> Choice | None:
    """Give the choice of an earlier run; None where there is none, or the file is not as we wrote it."""
    try:
        tile_ms = {name: float(_read_cache()[key][name]) for name in ENGINES}
    except (KeyError, TypeError, ValueError):
        return None
    return Choice(min(tile_ms, key=tile_ms.__getitem__), tile_ms)


def _keep(key: str, choice: Choice) -> None:
    if not choice.tile_ms:
        return
    try:
        with written_whole(_cache()) as temporary:
            temporary.write_text(json.dumps(_read_cache() | {key: dict(choice.tile_ms)}, indent=1), "utf-8")
    except FissuraError:
        pass  # no place to keep it: it is measured again next time
