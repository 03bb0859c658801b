"""The table of what choices between models are made by; see `unmasked`."""

from __future__ import annotations

from typing import Any

import numpy as np

from report.figures import Method

ERRORS = ("missed", "false_alarms", "metu_missed", "metu_false_alarms")
PAINTED = ("painted_dice", "painted_f1_2px", "wide_dice")


def choice_lines(methods: list[Method]) -> list[str]:
    """Write the section; nothing where no result has such figures."""
    known = {method.title: [one["unmasked"] for one in method.results if one.get("unmasked")] for method in methods}
    known = {title: judged for title, judged in known.items() if judged}
    if not known:
        return []
    photos = next(iter(known.values()))[0]["photos"]
    lines = [
        "## What recipes are chosen by",
        "",
        "Labels and painted cracks, no mask that a person drew (`benchmarks/unmasked.py`): cracked photographs",
        "without any mask and uncracked ones with one, of the training split, whose labels were learned from, and of",
        "METU's concrete, from whose uncracked ones the bundled model has learned; Dice and F1 with 2 px of cracks",
        "painted on uncracked ones of both, and Dice of painted cracks 26 to 60 px wide. Thresholds differ by",
        "chance, so that models are compared by one step to a mask for all (in parentheses: by each one's own).",
        "Means over the seeds; rows measured before this was kept, or without METU's photographs, are not in it.",
        "",
        f"| method | missed, of {photos['missed']} | false alarms, of {photos['false_alarms']} "
        f"| METU: missed, of {photos['metu_missed']} | METU: false alarms, of {photos['metu_false_alarms']} "
        "| painted Dice | painted F1 | wide Dice | seeds |",
        "|---" * 9 + "|",
    ]
    for title, judged in known.items():
        cells = [_cell(judged, name, ".3g") for name in ERRORS] + [_cell(judged, name, ".3f") for name in PAINTED]
        lines.append(f"| {title} | {' | '.join(cells)} | {len(judged)} |")
    return [*lines, ""]


def _cell(judged: list[dict[str, Any]], name: str, form: str) -> str:
    common, own = (np.mean([one[step][name] for one in judged]) for step in ("common", "own"))
    return f"{common:{form}} ({own:{form}})"
