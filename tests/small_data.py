"""Small data sets for tests: procedural surfaces, some of them with painted cracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fissura.painting import SURFACES, PainterSettings, draw_surface, paint_cracks
from fissura.photos import save_image

PLAIN = PainterSettings(width_px=(3.0, 6.0), visibility=(6.0, 9.0), distractors=0.0)


def two_folders(root: Path, each: int = 6, side_px: int = 96) -> Path:
    """Make ``cracked/`` and ``uncracked/`` with ``each`` photographs."""
    for index in range(each):
        rng = np.random.default_rng([7, index])
        surface = draw_surface(SURFACES[index % len(SURFACES)], side_px, side_px, rng)
        save_image(root / "uncracked" / f"{index}.png", surface)
        save_image(root / "cracked" / f"{index}.png", paint_cracks(surface, rng, PLAIN).photo)
    return root
