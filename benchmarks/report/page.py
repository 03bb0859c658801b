"""RESULTS.md and the table in README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fissura.files import written_whole
from report.choices import choice_lines
from report.figures import MEAN, TRAINED_ELSEWHERE, Method, methods_of, sources_of
from report.plots import draw_against_cost, draw_against_uncracked, draw_bars
from report.targets import DICE, FALSE_ALARMS, TOLERANT, fairness_lines, target_lines
from row import Row

IN_README = (
    "painted",
    "supervised",
    "painted-from-random",
    "supervised-from-random",
    "box",
    "painted-four-views",
    "box-four-views",
    "painted-compact",
    "supervised-compact",
    "seed",
    "seed-resnet50",
    "class-activation-refined",
    "sato",
    "multi-otsu",
)
ORIGINS = {
    "CFD": "CrackForest (Shi et al. 2016, T-ITS 17(12)), asphalt; for non-commercial research",
    "CONCRETE": "concrete walls, of Kaggle's Crack Segmentation Dataset; photographer and licence not documented",
    "CRACK500": "Crack500 (Yang et al. 2019, arXiv:1901.06340), asphalt, crops; for research",
}
HEAD = Path(__file__).with_name("head.md")  # by what each choice was made, told by people


def write_report(results: list[tuple[Row, dict[str, Any]]], benchmarks: Path) -> None:
    """Write ``RESULTS.md``, its pictures in ``results/``, and the table of ``README.md`` one folder up.

    Args:
        results: rows and their results, in the order of the tables.
        benchmarks: the folder of the benchmarks.
    """
    methods = methods_of(results)
    if not methods:
        return
    sources = sources_of(methods)
    pictures = benchmarks / "results"
    draw_bars(methods, sources, pictures / "field_dice.png")
    painted = next((method for method in methods if method.row.name == "painted"), methods[0])
    compared = [one for one in methods if one.is_cost_known and one.costs_like(painted) and not one.is_stale]
    draw_against_cost(compared, pictures / "field_cost.png")
    has_few = draw_against_uncracked(methods, sources, pictures / "field_uncracked.png")
    with written_whole(benchmarks / "RESULTS.md") as temporary:
        temporary.write_text("\n".join(_page(methods, sources, has_few, pictures)) + "\n", "utf-8")
    include(_readme_table(methods, sources), benchmarks.parent / "README.md", "results")


def _page(methods: list[Method], sources: list[str], has_few: bool, pictures: Path) -> list[str]:
    per_source = [(source, source) for source in sources]
    lines = [*HEAD.read_text("utf-8").splitlines(), ""]
    if any(method.is_stale for method in methods):
        lines += ["\\* measured with settings that the row no longer has; `make bench` measures it again.", ""]
    lines += [
        *_photographs(methods[0], sources),
        "",
        *target_lines(methods, sources),
        "",
        *fairness_lines(methods),
        "",
        "## Dice of the cracked photographs (mean over photographs)",
        "",
        *_table(methods, [(title, scope, DICE) for title, scope in [*per_source, ("mean", MEAN)]], compared=True),
        "",
        "![Dice by source](results/field_dice.png)",
        "",
        "## False alarms: share of the uncracked photographs with any mask at all",
        "",
        *_table(methods, [(title, scope, FALSE_ALARMS) for title, scope in [*per_source, ("all", "overall")]]),
        "",
        "## F1 with a tolerance of 2 px, cracked photographs",
        "",
        "Human masks are wider than the cracks in two of the sources; this measure forgives 2 px.",
        "",
        *_table(methods, [(title, scope, TOLERANT) for title, scope in [*per_source, ("mean", MEAN)]]),
        "",
        "## Other measures, all sources together",
        "",
        *_table(
            methods,
            [
                ("Dice as the original scores it", "overall", "dice_original"),
                ("IoU", "overall", "iou"),
                ("clDice", "overall", "centreline_dice"),
                ("image-level accuracy", "overall", "accuracy"),
                ("image-level AUROC", "overall", "auroc"),
            ],
        ),
        "",
        *choice_lines(methods),
        "## What they cost",
        "",
        "![Dice against CPU minutes; rows with an asterisk are left out](results/field_cost.png)",
        "",
        *_costs(methods),
        "",
    ]
    if has_few:
        lines += [
            "## How many uncracked photographs it takes",
            "",
            "![Dice and false alarms against uncracked photographs](results/field_uncracked.png)",
            "",
        ]
    return [*lines, "## The step from probability to mask", "", *_cleanings(methods), *_speed(pictures)]


def _photographs(method: Method, sources: list[str]) -> list[str]:
    """Say what the photographs are, and how many of each source are scored."""
    lines = ["| source | cracked | uncracked | origin |", "|---|---|---|---|"]
    for source in sources:
        cracked, uncracked = (method.number(source, metric) for metric in (DICE, FALSE_ALARMS))
        lines.append(f"| {source} | {cracked} | {uncracked} | {ORIGINS.get(source, '–')} |")
    fingerprint = method.first["data_fingerprint"]
    where = "Fissura may not pass them on; `FISSURA_DATA` names the folder in whose `field/` they lie, laid out as"
    layout = "Kaggle's: `train|test/{images,masks}`, and a `manifest.csv` with `photo` and `parent`."
    return [*lines, "", f"Fingerprint of the photographs `{fingerprint}`. {where} {layout}"]


def _speed(results: Path) -> list[str]:
    """Include what the other benchmarks have written, where they have run."""
    tables = [results / f"{name}.md" for name in ("engines", "roofline", "pareto", "gigapixel")]
    found = [line for path in tables if path.exists() for line in ["", *path.read_text("utf-8").splitlines()]]
    if (results / "pareto.png").exists():
        found += ["", "![Dice against ms per megapixel](results/pareto.png)"]
    return ["", "## Speed", *found] if found else []


def _table(methods: list[Method], columns: list[tuple[str, str, str]], *, compared: bool = False) -> list[str]:
    named = {method.row.name: method for method in methods}
    others = [named[name] for name in ("supervised", "seed") if compared and name in named]
    titles = [title for title, _, _ in columns] + [f"of `{other.row.name}`" for other in others]
    lines = [f"| method | {' | '.join(titles)} |", "|---|" + "---|" * len(titles)]
    for method in methods:
        cells = [str(method.figure(scope, metric) or "–") for _, scope, metric in columns]
        cells += [f"{method.value(MEAN, DICE) / other.value(MEAN, DICE):.2f}" for other in others]
        lines.append(f"| {method.title} | {' | '.join(cells)} |")
    return lines


def _costs(methods: list[Method]) -> list[str]:
    lines = [
        "Minutes are wall time of the quickest run, halts included, on the cores in parentheses; CPU minutes are",
        "means of all runs. Runs that were resumed count only where there is no other: then it is at least so many.",
        "Recipes compute in bfloat16 where the processor can; elsewhere in float32, which takes longer. The picture",
        "has only recipes that computed as `painted` did. Where nothing is trained they are minutes of tuning.",
        "Where some seeds were trained on a graphics card, the minutes are those of the others. Those that made the",
        "bundled model, with which some begin, are not among theirs.",
        "",
        "| method | what | learns from | network | steps x crops of px | in | seeds | minutes | CPU minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method in methods:
        row, training = method.row, method.first["training"]
        settings = method.first.get("recipe") or method.first["settings"]
        side = settings.get("crop_px") or settings.get("side_px")
        steps = f"{training['steps']} x {settings['batch']} of {side}" if training["steps"] else "–"
        least = "" if method.is_cost_known else "at least "
        spent = f"{least}{method.minutes:.0f} ({method.cores}) | {least}{method.cpu_minutes:.0f}"
        if row.method in TRAINED_ELSEWHERE:
            spent = "– | –"
        network = settings.get("network") or ("–" if not training["steps"] else "its own")
        if training.get("pretrained") is False:
            network += ", no pretrained weights to be had"
        lines.append(
            f"| {method.title} | {row.note} | {row.supervision} | {network} | {steps} "
            f"| {method.arithmetic if training['steps'] else '–'} | {len(method.results)} "
            f"| {spent} |"
        )
    return lines


def _cleanings(methods: list[Method]) -> list[str]:
    lines = [
        "Of the first seed. Painted Dice, false alarms and misses are on held-out training photographs, by which",
        "the step was chosen. For methods that are no recipe, probability is how rarely an uncracked pixel has such",
        "a score: 0.5 for one in 100, 1 for one in 10,000.",
        "",
        "| method | low | high | smallest extent | share of the crest | closing (px) | painted Dice "
        "| false alarms | misses |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method in methods:
        cleaning, held_out = method.first["cleaning"], method.first["held_out"] or {}
        extent = f"{cleaning['min_extent_fraction']:g} of the shorter side, at most {cleaning['min_extent_px']:g} px"
        figures = [
            f"{held_out[name]:.3f}" if name in held_out else "–"
            for name in ("painted_dice", FALSE_ALARMS, "miss_rate")
        ]
        lines.append(
            f"| {method.title} | {cleaning['low']:g} | {cleaning['high']:g} | {extent} "
            f"| {cleaning.get('crest_share', 0):g} | {cleaning.get('closing_px', 0)} | {' | '.join(figures)} |"
        )
    return lines


def _readme_table(methods: list[Method], sources: list[str]) -> list[str]:
    shown = [method for method in methods if method.row.name in IN_README]
    lines = [
        f"| method | learns from | {' | '.join(sources)} | mean | false alarms |",
        "|---|---|" + "---|" * (len(sources) + 2),
    ]
    for method in shown:
        scopes = [(source, DICE) for source in [*sources, MEAN]] + [("overall", FALSE_ALARMS)]
        cells = " | ".join(f"{method.value(scope, metric):.2f}" for scope, metric in scopes)
        lines.append(f"| {method.title} | {method.row.supervision} | {cells} |")
    if any(method.is_stale for method in shown):
        lines += ["", "\\* measured with earlier settings."]
    return lines


def include(lines: list[str], page: Path, what: str) -> None:
    """Put lines between the two markers that a page has for them."""
    begin, end = f"<!-- {what}:begin -->", f"<!-- {what}:end -->"
    before, _, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    with written_whole(page) as temporary:
        temporary.write_text("\n".join([before + begin, *lines, end]) + after, "utf-8")
