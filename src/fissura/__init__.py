"""Fissura: two folders of photographs in, crack masks out. Nobody draws a mask.

The verbs of the command line are functions here that return objects and print nothing:

    >>> import fissura
    >>> trained = fissura.train(["walls"], out="runs/walls")  # doctest: +SKIP
    >>> results = fissura.segment(["new photographs"], model=trained.model, out="masks")  # doctest: +SKIP
    >>> score = fissura.evaluate(["walls"], model=trained.model, out="score")  # doctest: +SKIP

They are loaded when first asked for, so that ``import fissura`` is quick, and only training imports torch.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fissura.verbs import (
        Scale,
        benchmark_engine,
        compare,
        evaluate,
        export,
        import_checkpoint,
        import_masks,
        inspect,
        measure,
        measure_job,
        paint,
        quantise,
        report,
        segment,
        segment_raster,
        train,
    )

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


def __getattr__(name: str) -> Any:
    if name in __all__:
        from fissura import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module 'fissura' has no attribute {name!r}")
