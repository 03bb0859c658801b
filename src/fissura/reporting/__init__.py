"""Reporting: what people look at and hand on.

Overlays and panels of one photograph, the folder of results of a batch, the sheet that shows a data set, the
plots and the gallery that show a score. Everything here takes plain arrays and tables.
"""

from fissura.reporting.inspection_sheet import draw_inspection
from fissura.reporting.overlay import draw_overlay, draw_panels
from fissura.reporting.results import ResultsFolder, without_results

__all__ = ["ResultsFolder", "draw_inspection", "draw_overlay", "draw_panels", "without_results"]
