"""The verbs: what a user asks for, each joining the rooms that do it. They return objects and print nothing."""

from fissura.verbs.cracks import Results, segment
from fissura.verbs.data import inspect, paint
from fissura.verbs.models import evaluate, import_checkpoint, train

__all__ = ["Results", "evaluate", "import_checkpoint", "inspect", "paint", "segment", "train"]
