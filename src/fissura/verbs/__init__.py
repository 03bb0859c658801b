"""The verbs: what a user asks for, each joining the rooms that do it. They return objects and print nothing."""

from fissura.measuring import measure
from fissura.verbs.corrections import import_masks
from fissura.verbs.cracks import Results, segment
from fissura.verbs.data import inspect, paint
from fissura.verbs.dates import Compared, compare
from fissura.verbs.engines import EngineBenchmark, benchmark_engine, quantise
from fissura.verbs.jobs import Measured, export, measure_job, report
from fissura.verbs.models import evaluate, import_checkpoint, train
from fissura.verbs.rasters import SegmentedRaster, segment_raster
from fissura.verbs.scales import Scale

__all__ = [
    "Compared",
    "EngineBenchmark",
    "Measured",
    "Results",
    "Scale",
    "SegmentedRaster",
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
