"""The pictures and figures of ``docs/model-card.md``: ``python benchmarks/model_card.py``.

The table comes from the result of the row ``box`` of `field.py`: run ``python benchmarks/field.py box`` before. The
pictures show procedural surfaces with painted cracks: what the bundled model finds, and where it does worst.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.learning import load_recipe
from fissura.painting import SURFACES, PaintedPhoto, draw_surface, paint_cracks, paint_nothing
from fissura.photos import save_image
from fissura.reporting.overlay import draw_overlay
from fissura.scoring.metrics import dice
from fissura.segmenting import ModelCard, Segmenter, bundled_model
from report.page import include

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
SIDE_PX, SEED, SAMPLES = 320, 2026, 24  # samples per surface, from which the worst are shown
PAINTER = load_recipe("box").painter
MEASURES = {
    "dice_cracked": "Dice, cracked photographs",
    "tolerance_f1_2px": "F1, 2 px tolerance",
    "false_alarm_rate": "false alarms",
}


@dataclass(frozen=True)
class Sample:
    """A painted photograph and what the model finds on it."""

    painted: PaintedPhoto
    found: NDArray[np.bool_]
    dice: float

    def panel(self) -> NDArray[np.uint8]:
        """Draw photograph, truth and found side by side."""
        truth, found = (draw_overlay(self.painted.photo, mask) for mask in (self.painted.mask, self.found))
        return np.hstack([self.painted.photo, truth, found])


def main() -> None:
    """Draw the pictures and write the table."""
    segmenter = Segmenter(bundled_model())
    cracked = {kind: [_sample(segmenter, kind, index, cracked=True) for index in range(SAMPLES)] for kind in SURFACES}
    plain = [_sample(segmenter, kind, index, cracked=False) for kind in SURFACES for index in range(SAMPLES)]
    middle = [sorted(samples, key=lambda sample: sample.dice)[SAMPLES // 2] for samples in cracked.values()]
    worst = [min(samples, key=lambda sample: sample.dice) for samples in cracked.values()]
    alarms = sorted((sample for sample in plain if sample.found.any()), key=lambda sample: -sample.found.sum())
    _save("box.png", middle)
    _save("box-failures.png", worst + alarms[:2])
    _write_table(segmenter.card, len(alarms) / len(plain), {kind: _mean(of) for kind, of in cracked.items()})


def _sample(segmenter: Segmenter, kind: str, index: int, *, cracked: bool) -> Sample:
    rng = np.random.default_rng([SEED, SURFACES.index(kind), index, cracked])  # type: ignore[arg-type]
    surface = draw_surface(kind, SIDE_PX, SIDE_PX, rng)  # type: ignore[arg-type]
    painted = (paint_cracks if cracked else paint_nothing)(surface, rng, PAINTER)
    found = segmenter.segment(painted.photo).mask
    return Sample(painted, found, dice(found, painted.mask))


def _mean(samples: list[Sample]) -> float:
    return float(np.mean([sample.dice for sample in samples]))


def _save(name: str, samples: list[Sample]) -> None:
    gap = np.full((SIDE_PX, 12, 3), 255, np.uint8)
    panels = [sample.panel() for sample in samples]
    if len(panels) % 2:
        panels.append(np.full_like(panels[0], 255))
    pairs = [np.hstack([left, gap, right]) for left, right in zip(panels[::2], panels[1::2], strict=True)]
    picture = np.vstack([np.vstack([pair, np.full((12, pair.shape[1], 3), 255, np.uint8)]) for pair in pairs])
    half = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    save_image(DOCS / "pictures" / name, np.asarray(half, np.uint8))


def _write_table(card: ModelCard, alarms: float, painted: dict[str, float]) -> None:
    result = json.loads((HERE / "results" / "field" / "box-0.json").read_text("utf-8"))
    cells = {(row["metric"], row["scope"]): row for row in result["summary"]}
    scopes = [scope for metric, scope in cells if metric == "dice_cracked"]
    lines = [
        f"Recipe `{card.recipe}`, {card.provenance}; photographs' fingerprint `{card.data_fingerprint}`.",
        "",
        "| real photographs, never seen | " + " | ".join(MEASURES.values()) + " |",
        "|---" * (len(MEASURES) + 1) + "|",
    ]
    for scope in scopes:
        shown = [_with_interval(cells[metric, scope]) for metric in MEASURES]
        lines.append(f"| {scope} | " + " | ".join(shown) + " |")
    lines += ["", "| painted cracks on procedural surfaces | mean Dice |", "|---|---|"]
    lines += [f"| {kind} | {value:.2f} |" for kind, value in painted.items()]
    lines += ["", f"On procedural surfaces with distractors and no crack it raises a false alarm on {alarms:.0%}."]
    include(lines, DOCS / "model-card.md", "box")


def _with_interval(row: dict[str, float]) -> str:
    return f"{row['value']:.3f} [{row['low95']:.3f}, {row['high95']:.3f}]"


if __name__ == "__main__":
    main()
