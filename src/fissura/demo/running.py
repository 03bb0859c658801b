"""The demo from beginning to end, and what it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fissura.demo.comparison import draw_comparison
from fissura.demo.photographs import write_held_out, write_photographs
from fissura.files import begun_anew
from fissura.scoring import Evaluation
from fissura.verbs.cracks import Results, segment
from fissura.verbs.models import evaluate, need_training_extra, train

if TYPE_CHECKING:
    from rich.console import RenderableType

RECIPES = "seed", "painted"
FIGURES = {
    "dice_cracked": "Dice, cracked only",
    "dice_original": "Dice, the original's",
    "tolerance_f1_2px": "F1 within 2 px, cracked",
    "false_alarm_rate": "false alarms, uncracked",
}
_PARTS = "photographs", "held-out", "runs", "scores", "results", "comparison.png"


@dataclass(frozen=True)
class Demo:
    """What the demo leaves; printed with rich it is a table and the path of the picture.

    Attributes:
        folder: where everything stands.
        models: recipe -> its model file.
        evaluations: recipe -> its scores on the held-out photographs.
        results: the held-out photographs segmented by recipe ``painted``.
        picture: photograph, truth and both recipes side by side.
        seconds: how long it all took.
    """

    folder: Path
    models: Mapping[str, Path]
    evaluations: Mapping[str, Evaluation]
    results: Results
    picture: Path
    seconds: float

    @property
    def figures(self) -> pd.DataFrame:
        """The figures over all held-out photographs: index metric, columns recipe x (value, low95, high95)."""
        tables = {}
        for recipe, evaluation in self.evaluations.items():
            summary = evaluation.summary[evaluation.summary["scope"] == "overall"].set_index("metric")
            tables[recipe] = summary.loc[list(FIGURES), ["value", "low95", "high95"]]
        return pd.concat(tables, axis=1)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table

        count = len(next(iter(self.evaluations.values())).photos)
        title = f"{count} held-out photographs, in brackets the 95 % interval"
        table = Table(title=title, title_justify="left")
        table.add_column("figure")
        for recipe in self.evaluations:
            table.add_column(recipe, justify="right")
        for metric, row in self.figures.iterrows():
            cells = [
                f"{row[recipe, 'value']:.2f} ({row[recipe, 'low95']:.2f}-{row[recipe, 'high95']:.2f})"
                for recipe in self.evaluations
            ]
            table.add_row(FIGURES[str(metric)], *cells)
        return Group(
            table,
            "These cracks are painted, which favours recipe painted;",
            "benchmarks/RESULTS.md has the figures on real photographs.",
            "",
            f"model:   {self.models['painted']}",
            f"masks:   {self.results.table.parent / 'masks'}",
            f"picture: {self.picture}",
        )


def run_demo(
    out: Path,
    *,
    steps: int = 300,
    batch: int = 12,
    photos: int = 80,
    side_px: int = 192,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Demo:
    """Make photographs, train recipes ``seed`` and ``painted`` on their labels, score, segment and compare.

    Every demo begins anew: what an earlier one left in ``out`` is removed first.

    Args:
        out: the folder for everything; new, empty, or that of an earlier demo.
        steps: training steps of each recipe, rounded up to whole epochs.
        batch: crops per step.
        photos: training photographs per label; about half as many again are held out.
        side_px: side of the photographs and of the crops learned from, in px; a multiple of 32.
        progress: whether to draw progress bars on the terminal.
        say: told in a line what begins.

    Returns:
        The scores, and where everything stands.

    Raises:
        FissuraError: if the extra ``train`` is not installed, or ``out`` holds files that no demo wrote or cannot be
            written.

    Example:
        >>> run_demo(Path("demo")).picture  # doctest: +SKIP
        PosixPath('demo/comparison.png')
    """
    began = time.monotonic()
    need_training_extra()
    begun_anew(out, "demo", _PARTS)
    held_out_photos = photos * 3 // 10, photos * 3 // 20
    say(f"Painting {2 * photos} photographs to learn from and {sum(held_out_photos)} to be judged by")
    learned, held_out = out / "photographs", out / "held-out"
    write_photographs(learned, photos, side_px)
    write_held_out(held_out, *held_out_photos, side_px, first=2 * photos)

    models, evaluations = {}, {}
    for recipe in RECIPES:
        say(f"Training recipe {recipe} from image-level labels alone")
        models[recipe] = train(
            [learned],
            out=out / "runs" / recipe,
            recipe=recipe,
            network="nano",
            steps=steps,
            batch=batch,
            crop_px=side_px,
            progress=progress,
        ).model
        evaluations[recipe] = evaluate([held_out], model=models[recipe], out=out / "scores" / recipe)
    say("Segmenting the held-out photographs with recipe painted")
    results = segment([held_out / "test" / "images"], model=models["painted"], out=out / "results")
    picture = out / "comparison.png"
    draw_comparison(picture, held_out, models)
    return Demo(out, models, evaluations, results, picture, time.monotonic() - began)
