"""Writing RESULTS.md and its picture from result files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fissura.files import written_whole

TARGETS = {"CFD": 0.63, "CRACK500": 0.60, "CONCRETE": 0.70}  # cracked-only per-image Dice that `painted` shall reach
MOST_FALSE_ALARMS = 0.15
COLOURS = {"painted": "#0b6e4f", "supervised": "#6b7a8f", "seed": "#d1843b", "seed-resnet50": "#e3b58a"}


def write_report(results: list[dict[str, Any]], folder: Path) -> None:
    """Write ``RESULTS.md`` and ``results/field_dice.png`` into ``folder``."""
    sources = [scope for scope in _scopes(results[0]) if scope not in ("overall", "mean of sources")]
    _draw(results, sources, folder / "results" / "field_dice.png")
    with written_whole(folder / "RESULTS.md") as temporary:
        temporary.write_text("\n".join(_lines(results, sources)) + "\n", "utf-8")


def _lines(results: list[dict[str, Any]], sources: list[str]) -> list[str]:
    lines = [
        "# Results",
        "",
        "Written by `python benchmarks/field.py`; no figure is typed by hand. Real photographs of cracked and",
        "uncracked surfaces; every figure is of the test split, which neither training nor the choice of epoch and",
        "thresholds has seen. In brackets: 95 % bootstrap interval over parent photographs. Data fingerprint",
        f"`{results[0]['data_fingerprint']}`.",
        "",
        "One seed each, and not at equal compute: see the steps under *How they were trained*. A row with fewer",
        "steps than `painted` is no ceiling and no fair baseline. Minutes are wall time and count halts; CPU minutes",
        "do not.",
        "",
        "## Dice of the cracked photographs (mean over photographs)",
        "",
        *_table(results, [(source, source, "dice_cracked") for source in sources]),
        "",
        f"Targets of `painted`: {', '.join(f'{source} {value:.2f}' for source, value in TARGETS.items())}; "
        f"reached: {_reached(results)}.",
        "",
        "![Dice by source](results/field_dice.png)",
        "",
        "## False alarms: share of the uncracked photographs with any mask at all",
        "",
        *_table(results, [(name, scope, "false_alarm_rate") for name, scope in _with_overall(sources)]),
        "",
        f"Target of `painted`: at most {MOST_FALSE_ALARMS:.2f} of all uncracked photographs.",
        "",
        "## F1 with a tolerance of 2 px, cracked photographs",
        "",
        *_table(results, [(source, source, "tolerance_f1_2px") for source in sources]),
        "",
        "## Other measures, all sources together",
        "",
        *_table(
            results,
            [
                ("Dice as the original scores it", "overall", "dice_original"),
                ("IoU", "overall", "iou"),
                ("clDice", "overall", "centreline_dice"),
                ("image-level accuracy", "overall", "accuracy"),
                ("image-level AUROC", "overall", "auroc"),
            ],
        ),
        "",
        "## How they were trained",
        "",
        "| method | what | network | steps x crops of px | minutes (cores) | CPU minutes | arithmetic |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        recipe, training = result["recipe"], result["training"]
        lines.append(
            f"| {result['row']['name']} | {result['row']['note']} | {recipe['network']} | {training['steps']} x "
            f"{recipe['batch']} of {recipe['crop_px']} | {training['minutes']:.0f} ({training['cores']}) | "
            f"{training['cpu_minutes']:.0f} | {training['precision']} |"
        )
    lines += [
        "",
        "The step from probability to mask, chosen on held-out training photographs without any mask (`seed` keeps",
        "the original's threshold):",
        "",
        "| method | low | high | smallest extent | painted Dice | false alarms | misses |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        cleaning, held_out = result["cleaning"], result["held_out"]
        extent = f"{cleaning['min_extent_fraction']:g} of the shorter side, at most {cleaning['min_extent_px']:g} px"
        figures = (
            [f"{held_out[name]:.3f}" for name in ("painted_dice", "false_alarm_rate", "miss_rate")]
            if held_out
            else "–––"
        )
        lines.append(
            f"| {result['row']['name']} | {cleaning['low']:g} | {cleaning['high']:g} | {extent} | "
            f"{' | '.join(figures)} |"
        )
    return lines


def _table(results: list[dict[str, Any]], columns: list[tuple[str, str, str]]) -> list[str]:
    lines = [
        f"| method | {' | '.join(title for title, _, _ in columns)} |",
        "|---|" + "---|" * len(columns),
    ]
    for result in results:
        cells = []
        for _, scope, metric in columns:
            figure = _figure(result, scope, metric)
            cells.append(f"{figure['value']:.3f} [{figure['low95']:.3f}, {figure['high95']:.3f}]" if figure else "–")
        lines.append(f"| {result['row']['name']} | {' | '.join(cells)} |")
    return lines


def _reached(results: list[dict[str, Any]]) -> str:
    for result in results:
        if result["row"]["name"] == "painted":
            figures = {source: _figure(result, source, "dice_cracked") for source in TARGETS}
            alarms = _figure(result, "overall", "false_alarm_rate")
            return ", ".join(
                [f"{s} {'yes' if f and f['value'] >= TARGETS[s] else 'no'}" for s, f in figures.items()]
                + [f"false alarms {'yes' if alarms and alarms['value'] <= MOST_FALSE_ALARMS else 'no'}"]
            )
    return "not run"


def _with_overall(sources: list[str]) -> list[tuple[str, str]]:
    return [(source, source) for source in sources] + [("all", "overall")]


def _scopes(result: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["scope"] for row in result["summary"]))


def _figure(result: dict[str, Any], scope: str, metric: str) -> dict[str, float] | None:
    for row in result["summary"]:
        if row["scope"] == scope and row["metric"] == metric and row["value"] is not None:
            found: dict[str, float] = {
                key: row[key] if row[key] is not None else float("nan") for key in ("value", "low95", "high95")
            }
            return found
    return None


def _draw(results: list[dict[str, Any]], sources: list[str], path: Path) -> None:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(results)
    for index, result in enumerate(results):
        name = result["row"]["name"]
        figures = [
            _figure(result, source, "dice_cracked") or {"value": 0.0, "low95": 0.0, "high95": 0.0}
            for source in sources
        ]
        values = np.array([f["value"] for f in figures])
        errors = np.abs(np.array([[f["value"] - f["low95"], f["high95"] - f["value"]] for f in figures]).T)
        places = np.arange(len(sources)) + (index - (len(results) - 1) / 2) * width
        axes.bar(places, values, width * 0.92, yerr=errors, label=name, color=COLOURS.get(name), capsize=2)
    axes.set(ylabel="Dice, cracked photographs", ylim=(0, 1), xticks=range(len(sources)), xticklabels=sources)
    axes.legend(ncols=len(results), fontsize=8, frameon=False, loc="upper center")
    axes.spines[["top", "right"]].set_visible(False)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
