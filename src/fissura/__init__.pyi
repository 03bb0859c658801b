from .measuring import measure as measure
from .verbs.corrections import import_masks as import_masks
from .verbs.cracks import segment as segment
from .verbs.data import inspect as inspect
from .verbs.data import paint as paint
from .verbs.dates import compare as compare
from .verbs.engines import benchmark_engine as benchmark_engine
from .verbs.engines import quantise as quantise
from .verbs.jobs import export as export
from .verbs.jobs import measure_job as measure_job
from .verbs.jobs import report as report
from .verbs.models import evaluate as evaluate
from .verbs.models import import_checkpoint as import_checkpoint
from .verbs.models import train as train
from .verbs.rasters import segment_raster as segment_raster
from .verbs.scales import Scale as Scale

__all__: list[str]
__version__: str
