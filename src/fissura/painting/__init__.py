"""Painting: cracks drawn on uncracked photographs or procedural surfaces, with exact masks for free.

A painted crack is a fractal centre line with a width along it, rendered with exact area coverage; distractors
that are not cracks are painted beside it. Everything is a function of its random generator's seed.
"""

from fissura.painting.centreline import Branch
from fissura.painting.painter import PaintedPhoto, PainterSettings, paint_cracks, paint_nothing
from fissura.painting.surfaces import SURFACES, Surface, draw_surface

__all__ = [
    "SURFACES",
    "Branch",
    "PaintedPhoto",
    "PainterSettings",
    "Surface",
    "draw_surface",
    "paint_cracks",
    "paint_nothing",
]
