"""How good is it? Masks against the truth, photograph by photograph, with honest intervals.

``evaluate`` takes a data set and anything that turns a photograph into a probability map, a mask and a
score: our model file, or a classical method, through the same code. It answers with a table of photographs,
a summary (overall, per source, mean of sources; each figure with its 95 % interval) and curves to plot.
Nothing here chooses a threshold: what is measured on true masks is reported and never fed back.
"""

from fissura.scoring.evaluation import Evaluation, Segmented, Skipped, evaluate
from fissura.scoring.illustration import illustrate

__all__ = ["Evaluation", "Segmented", "Skipped", "evaluate", "illustrate"]
