"""The verbs about speed: to make a model smaller, and to measure what it does on this machine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fissura.errors import FissuraError
from fissura.painting import draw_surface, paint_cracks
from fissura.photos import load_data, read_photo, save_image
from fissura.reporting.results import ResultsFolder
from fissura.segmenting import (
    EngineName,
    Segmenter,
    bundled_model,
    clean,
    matrix_product_peak,
    multiply_adds,
    usable_cores,
)
from fissura.verbs.models import need_training_extra
from fissura.verbs.paths import AnyPath, as_paths

if TYPE_CHECKING:
    from fissura.learning.quantising import Quantised

_SIDE_PX = 1024  # of the photograph that is segmented


@dataclass(frozen=True)
class EngineBenchmark:
    """What a model costs on this machine.

    Attributes:
        engine: what ran the network, in which arithmetic, and why.
        threads: how many it used.
        ms_per_megapixel: by stage (decode, infer, clean, write), milliseconds per million pixels; each stage
            was timed alone, the median of several times.
        network_ms_per_megapixel: of the network alone, on a tile of the model's size. In ``infer`` it may look at a
            tile twice, near and from afar, and tiles overlap.
        multiply_adds_per_px: of the network; None where it cannot be counted, see ``not_counted``.
        peak_multiply_adds: per second, of NumPy's float32 matrix product on this machine.
        not_counted: why the multiply-adds could not be counted, and the mend; empty if they could.
    """

    engine: str
    threads: int
    ms_per_megapixel: dict[str, float]
    network_ms_per_megapixel: float
    multiply_adds_per_px: float | None
    peak_multiply_adds: float
    not_counted: str = ""

    @property
    def roofline_share(self) -> float | None:
        """The network's multiply-adds per second over the machine's peak; None where they cannot be counted.

        Above 1 is possible: the peak is of float32, and an engine may compute in 16 or 8 bits.
        """
        if self.multiply_adds_per_px is None:
            return None
        seconds_per_px = self.network_ms_per_megapixel / 1e9
        return self.multiply_adds_per_px / seconds_per_px / self.peak_multiply_adds


def benchmark_engine(
    model: AnyPath | None = None, *, engine: EngineName | Literal["auto"] = "auto", repeats: int = 7
) -> EngineBenchmark:
    """Measure what a model costs on this machine, stage by stage, against the machine's own peak.

    Args:
        model: the model file; the bundled one if None.
        engine: what runs the network; see :func:`fissura.segment`.
        repeats: how many times each stage is timed; the median counts.

    Returns:
        The times, on a painted photograph of about one megapixel, and the share of the peak.

    Raises:
        FissuraError: if the model file or the engine cannot be used.

    Example:
        >>> fissura.benchmark_engine("walls.onnx").ms_per_megapixel["infer"]  # doctest: +SKIP
        231.0
    """
    if repeats < 1:
        raise FissuraError(f"repeats: {repeats} is not above 0; time each stage at least once")
    file = bundled_model() if model is None else Path(model)
    peak = matrix_product_peak()
    segmenter = Segmenter(file, engine=engine)
    rng = np.random.default_rng(0)
    photo = paint_cracks(draw_surface("concrete", _SIDE_PX, _SIDE_PX, rng), rng).photo
    found = segmenter.segment(photo)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photo.jpg"
        save_image(path, photo)
        results = ResultsFolder(Path(name) / "out", [path], segmenter.identity)
        stages: dict[str, Callable[[], object]] = {
            "decode": lambda: read_photo(path),
            "infer": lambda: segmenter.probability(photo),
            "clean": lambda: clean(found.probability, segmenter.cleaning),
            "write": lambda: results.add(path, photo, found.probability, found.mask, found.score),
        }
        megapixels = photo.shape[0] * photo.shape[1] / 1e6
        timed = {stage: _median_ms(work, repeats) / megapixels for stage, work in stages.items()}
    side, not_counted = segmenter.card.tile_px, ""
    tile = rng.standard_normal((1, segmenter.card.planes, side, side), np.float32)
    network_ms = _median_ms(lambda: segmenter.engine.run(tile), repeats) / (side**2 / 1e6)
    try:
        per_px = multiply_adds(file.read_bytes(), side, side) / side**2
    except FissuraError as error:
        per_px, not_counted = None, str(error)
    return EngineBenchmark(segmenter.describe_engine(), usable_cores(), timed, network_ms, per_px, peak, not_counted)


def quantise(model: AnyPath | None = None, *, out: AnyPath, data: Sequence[AnyPath] = (), seed: int = 0) -> Quantised:
    """Write the 8-bit version of a model: about twice as fast on CPUs with instructions for it.

    Args:
        model: the model file to start from; the bundled one if None.
        out: the ``.onnx`` file to write.
        data: folders or CSV manifests; their uncracked photographs tell the ranges of the network's values.
            Procedural surfaces do, if there are none.
        seed: seed of the painted cracks and of which photographs are taken.

    Raises:
        FissuraError: if the model or the data cannot be used, or the masks of both models do not agree.

    Example:
        >>> fissura.quantise("walls.onnx", out="walls-int8.onnx").dice  # doctest: +SKIP
        0.994
    """
    need_training_extra()
    from fissura.learning.quantising import quantise as quantise_file

    photos = [photo.path for photo in load_data(*as_paths(data)).uncracked] if data else []
    if data and not photos:
        raise FissuraError(f"{data[0]}: no uncracked photograph; give some, or none at all for procedural surfaces")
    return quantise_file(bundled_model() if model is None else Path(model), photos, Path(out), seed=seed)


def _median_ms(work: Callable[[], object], repeats: int) -> float:
    work()  # warm up
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)
