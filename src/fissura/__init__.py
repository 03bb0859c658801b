"""Fissura: two folders of photographs in, crack masks out. Nobody draws a mask.

The verbs of the command line are functions here that return objects and print nothing:

    >>> import fissura
    >>> trained = fissura.train(["walls"], out="runs/walls")  # doctest: +SKIP
    >>> results = fissura.segment(["new photographs"], model=trained.model, out="masks")  # doctest: +SKIP
    >>> score = fissura.evaluate(["walls"], model=trained.model, out="score")  # doctest: +SKIP

They are loaded when first asked for, so that ``import fissura`` is quick, and only training imports torch.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fissura.measuring import measure
    from fissura.verbs.corrections import import_masks
    from fissura.verbs.cracks import segment
    from fissura.verbs.data import inspect, paint
    from fissura.verbs.dates import compare
    from fissura.verbs.engines import benchmark_engine, quantise
    from fissura.verbs.jobs import export, measure_job, report
    from fissura.verbs.models import evaluate, import_checkpoint, train
    from fissura.verbs.rasters import segment_raster
    from fissura.verbs.scales import Scale

__version__ = version("fissura")

__all__ = [
    "Scale",
    "__version__",
    "benchmark_engine",
    "compare",
    "evaluate",
    "export",
    "import_checkpoint",
    "import_masks",
    "inspect",
    "measure",
    "measure_job",
    "paint",
    "quantise",
    "report",
    "segment",
    "segment_raster",
    "train",
]

_MODULES = {
    "Scale": "verbs.scales",
    "benchmark_engine": "verbs.engines",
    "compare": "verbs.dates",
    "evaluate": "verbs.models",
    "export": "verbs.jobs",
    "import_checkpoint": "verbs.models",
    "import_masks": "verbs.corrections",
    "inspect": "verbs.data",
    "measure": "measuring",
    "measure_job": "verbs.jobs",
    "paint": "verbs.data",
    "quantise": "verbs.engines",
    "report": "verbs.jobs",
    "segment": "verbs.cracks",
    "segment_raster": "verbs.rasters",
    "train": "verbs.models",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"fissura.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'fissura' has no attribute {name!r}")
