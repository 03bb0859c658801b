"""What `painted` shall reach, and whether it does; and whether the methods beside it were trained as long."""

from __future__ import annotations

import itertools
import math

from report.figures import MEAN, Method
from report.paired import paired_difference

# Masks after the bundled model, masks alone, and masks alone on a larger network.
CEILINGS = "supervised", "supervised-from-random", "supervised-compact"
PAIRS = {  # what `painted` and `supervised` are called after where they are compared like for like
    "from-random": "where both begin with random weights",
    "compact": "on the compact network, both from random weights, with the recipes of version 3",
    "resnet50": "on a ResNet-50 U-Net, both from random weights and cut to 300 steps, with the recipes of version 3",
}
LEAST_SHARE, LEAST_OF_SEED = 0.97, 1.6  # of Dice, mean of sources
MOST_FALSE_ALARMS = 0.05
DICE, TOLERANT, FALSE_ALARMS = "dice_cracked", "tolerance_f1_2px", "false_alarm_rate"
AS_LONG = 0.1  # steps or CPU minutes that differ by less than this share count as equal


def target_lines(methods: list[Method], sources: list[str]) -> list[str]:
    """Write the tables of targets; what has not been measured is left out."""
    named = {method.row.name: method for method in methods}
    painted = named.get("painted")
    if painted is None:
        return ["`painted` has not been measured."]
    baselines = [*CEILINGS, "seed"]
    others = [named[name] for name in baselines if name in named]
    lines = _against(painted, others, sources, named.get("painted-four-views"))
    for pair, what in PAIRS.items():
        ours, theirs = (named.get(f"{name}-{pair}") for name in ("painted", "supervised"))
        if ours and theirs:
            lines += ["", f"Labels and masks {what}; seeds: {len(ours.results)} and {len(theirs.results)}.", ""]
            lines += _against(ours, [theirs], sources, None)
    if any("difference, 95 % interval" in text for text in lines):
        lines += ["", "Differences are of the same photographs, means over the seeds; intervals are bootstraps over"]
        lines += ["parent photographs, and say nothing of other seeds."]
    if any("| open |" in text for text in lines):
        lines += ["", "Open: one of the two is stale (\\*), or the other had less than half of the CPU minutes."]
    return lines


def _against(ours: Method, others: list[Method], sources: list[str], in_views: Method | None) -> list[str]:
    """Write the table of one method's targets: Dice over others', F1 beside the ceilings', false alarms."""
    differences = any(_difference(ours, other, sources[0]) for other in others)
    more = [" in four views |"] * bool(in_views) + [" difference, 95 % interval |"] * differences
    lines = [f"| `{ours.row.name}` | target | measured | reached |" + "".join(more)]
    lines.append("|---" * (4 + len(more)) + "|")

    def line(
        what: str, least: float | None, scope: str, metric: str, other: Method | None, over: float = 1.0
    ) -> None:
        measured = ours.value(scope, metric) / over
        if math.isnan(measured):
            return
        reached = measured <= MOST_FALSE_ALARMS if least is None else measured >= least
        answer = "open" if _is_open(ours, other) else "yes" if reached else "no"
        more = f" {in_views.value(scope, metric) / over:.3f} |" if in_views else ""
        if differences:
            more += f" {(metric == TOLERANT and other and _difference(ours, other, scope)) or '–'} |"
        lines.append(f"| {what} | {measured:.3f} | {answer} |{more}")

    for other in others:
        least = LEAST_OF_SEED if other.row.name == "seed" else LEAST_SHARE
        what = f"Dice over that of `{other.row.name}`, mean of sources | at least {least:g}"
        line(what, least, MEAN, DICE, other, over=other.value(MEAN, DICE))
    for source, other in itertools.product(sources, others):
        if other.row.supervision == "human masks":
            theirs = other.value(source, TOLERANT)
            what = f"F1 with 2 px tolerance, {source} | at least `{other.row.name}`: {theirs:.3f}"
            line(what, theirs, source, TOLERANT, other)
    line(f"false alarms, all sources | at most {MOST_FALSE_ALARMS:g}", None, "overall", FALSE_ALARMS, None)
    return lines


def _difference(ours: Method, other: Method, source: str) -> str | None:
    found = paired_difference(ours, other, source, TOLERANT)
    return None if found is None else str(found)


def _is_open(painted: Method, other: Method | None) -> bool:
    """Tell whether a comparison proves nothing yet."""
    if painted.is_stale or (other is not None and other.is_stale):
        return True
    return other is not None and other.cpu_minutes < 0.5 * painted.cpu_minutes and not _is_equal(other, painted)


def fairness_lines(methods: list[Method]) -> list[str]:
    """Say how long every trained method was trained, compared with `painted`; equal ones together."""
    painted = next((method for method in methods if method.row.name == "painted"), None)
    if painted is None:
        return []
    longer: dict[str, list[str]] = {}
    for method in methods:
        if method is not painted and method.first["training"]["steps"]:
            longer.setdefault(_compared(method, painted), []).append(f"`{method.row.name}`")
    lines = [
        f"- {what}: {', '.join(names)}." for what, names in sorted(longer.items(), key=lambda item: -len(item[1]))
    ]
    return ["Training compared with `painted`:", "", *lines] if lines else []


def _compared(method: Method, painted: Method) -> str:
    if _is_equal(method, painted):
        return "equal steps of equally many crops, same network"
    if not method.costs_like(painted):
        return "on a processor of another kind, so that minutes do not compare"
    if not method.is_cost_known:
        return "resumed, so that not all of their minutes are known"
    share = method.cpu_minutes / max(painted.cpu_minutes, 0.1)
    if abs(share - 1) <= AS_LONG:
        return "about the same CPU minutes"
    if share < 0.5:
        return "less than half of the CPU minutes (no ceiling, and no fair baseline)"
    return "fewer CPU minutes" if share < 1 else "more CPU minutes"


def _is_equal(method: Method, painted: Method) -> bool:
    """Tell whether two methods saw equally many crops of equal size, in equal batches, with the same network."""
    theirs, ours = method.first, painted.first
    if "recipe" not in theirs or "recipe" not in ours or theirs["training"]["steps"] != ours["training"]["steps"]:
        return False
    return all(theirs["recipe"][name] == ours["recipe"][name] for name in ("batch", "crop_px", "network"))
