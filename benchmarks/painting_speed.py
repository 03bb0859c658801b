"""How many painted crops one core gives per second: ``python benchmarks/painting_speed.py``.

CPU time is counted, not wall time, so that other work on the machine disturbs the figures little. Procedural
surfaces drawn beforehand stand in for photographs: the painter does not know the difference.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fissura.files import written_whole
from fissura.painting import SURFACES, draw_surface, paint_cracks

RESULTS = Path(__file__).parent / "results" / "painting_speed.json"
SIDE_PX = 224
CROPS = 300
SURFACE_SIDE_PX = 256


def per_second(work: Callable[[int], object], count: int) -> float:
    for index in range(10):  # warm up
        work(index)
    start = time.process_time()
    for index in range(count):
        work(index)
    return round(count / (time.process_time() - start), 1)


def main() -> None:
    cv2.setNumThreads(1)
    backgrounds = [
        draw_surface(SURFACES[index % len(SURFACES)], SIDE_PX, SIDE_PX, np.random.default_rng(index))
        for index in range(24)
    ]

    def on_photograph(index: int) -> object:
        return paint_cracks(backgrounds[index % len(backgrounds)], np.random.default_rng(index))

    def on_fresh_surface(index: int) -> object:
        rng = np.random.default_rng(index)
        return paint_cracks(draw_surface(SURFACES[index % len(SURFACES)], SIDE_PX, SIDE_PX, rng), rng)

    results: dict[str, object] = {
        "machine": f"{platform.machine()}, one core, Python {platform.python_version()}, OpenCV {cv2.__version__}",
        "crop_px": SIDE_PX,
        "crops_per_second_on_photographs": per_second(on_photograph, CROPS),
        "crops_per_second_on_fresh_surfaces": per_second(on_fresh_surface, CROPS),
        "surface_px": SURFACE_SIDE_PX,
    }
    for kind in SURFACES:

        def draw(index: int, kind: str = kind) -> object:
            return draw_surface(kind, SURFACE_SIDE_PX, SURFACE_SIDE_PX, np.random.default_rng(index))

        results[f"{kind}_ms"] = round(1000 / per_second(draw, 60), 2)
    for name, value in results.items():
        print(f"{name}: {value}")
    with written_whole(RESULTS) as temporary:
        temporary.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
