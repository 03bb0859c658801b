"""Measuring: a mask becomes cracks with length, width and orientation, in pixels and, with a scale, millimetres.

A crack is one connected piece of the mask. Its centre line is a graph of branches, from the mask's skeleton made
smooth; its width is measured across that line, from the photograph or the probability map where they are given.
"""

from fissura.measuring.change import Change, Comparison
from fissura.measuring.comparing import compare_cracks
from fissura.measuring.crack import CRACK_COLUMNS, Branch, Crack, Measurement, Pattern, crack_table
from fissura.measuring.joining import CrackInParts, moved
from fissura.measuring.measure import measure
from fissura.measuring.registration import Registration, register
from fissura.measuring.scale import scale_from_camera, scale_from_known_length
from fissura.measuring.severity import DEFAULT_SEVERITY, SeverityClass, severity_of
from fissura.measuring.summary import summarise

__all__ = [
    "CRACK_COLUMNS",
    "DEFAULT_SEVERITY",
    "Branch",
    "Change",
    "Comparison",
    "Crack",
    "CrackInParts",
    "Measurement",
    "Pattern",
    "Registration",
    "SeverityClass",
    "compare_cracks",
    "crack_table",
    "measure",
    "moved",
    "register",
    "scale_from_camera",
    "scale_from_known_length",
    "severity_of",
    "summarise",
]
