"""Reporting: what people look at and hand on.

Overlays and panels of one photograph, cracks drawn in the colour of their width, the folder of results of a batch,
the report of a job, the sheet that shows a data set, the plots and the gallery that show a score.
"""

from fissura.reporting.change_drawing import draw_change
from fissura.reporting.crack_drawing import draw_cracks
from fissura.reporting.inspection_sheet import draw_inspection
from fissura.reporting.overlay import draw_overlay, draw_panels
from fissura.reporting.report import MeasuredPhoto, SkippedPhoto, write_report
from fissura.reporting.results import ResultsFolder, without_results
from fissura.reporting.results_reading import read_model_facts, read_results

__all__ = [
    "MeasuredPhoto",
    "ResultsFolder",
    "SkippedPhoto",
    "draw_change",
    "draw_cracks",
    "draw_inspection",
    "draw_overlay",
    "draw_panels",
    "read_model_facts",
    "read_results",
    "without_results",
    "write_report",
]
