"""Histograms as inline SVG: sharp in print, a few kilobytes, and nothing to load."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from fissura.reporting.quantities import round_above, round_below

_WIDTH, _HEIGHT = 340, 200  # of the drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 324, 14, 156  # of the bars' field
_MOST_BINS = 12


def draw_histogram(
    values: Sequence[float],
    caption: str,
    *,
    counted: str = "cracks",
    edges: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
) -> Markup:
    """Draw a histogram.

    Args:
        values: what is counted, not negative.
        caption: what the values are, with their unit.
        counted: what the bars' heights are.
        edges: where the bins begin and end, ascending; by default round numbers from 0 on.
        weights: one per value; the bars then show each bin's share of the weight, in percent.

    Returns:
        An ``<svg>`` element, safe to put into a page.

    Example:
        >>> "length / mm" in draw_histogram([12.0, 40.0, 41.0], "length / mm")
        True
    """
    bins = np.asarray(edges if edges is not None else _round_bins(max(values, default=1.0)))
    heights = np.histogram(values, bins, weights=weights)[0].astype(float)
    if weights is not None:
        heights *= 100 / max(sum(weights), 1e-12)
    top = 2 * ceil(round_above(max(float(heights.max()) / 2, 1.0)))  # half of it is a whole number too
    label = f"Histogram of {caption}: " + ", ".join(
        f"{low:g} to {high:g}: {height:.3g}" for low, high, height in zip(bins[:-1], bins[1:], heights, strict=True)
    )
    parts = [
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">',
        *_grid(top),
        *_bars(bins, heights, top),
        *_axis(bins),
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(caption)}</text>',
        f'<text transform="translate(11 {(_TOP + _BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(counted)}</text>",
        "</svg>",
    ]
    return Markup("".join(parts))  # what came from outside is escaped above


def _round_bins(most: float) -> NDArray[np.float64]:
    step = round_below(max(most, 1e-9) / 6)  # so that 6 to 12 and more bins result
    count = max(1, int(np.ceil(most / step - 1e-9)))
    while count > _MOST_BINS:
        step, count = step * 2, -(-count // 2)
    return np.asarray(step * np.arange(count + 1), np.float64)


def _grid(top: float) -> list[str]:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _BOTTOM - share * (_BOTTOM - _TOP)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{share * top:g}</text>')
    return lines


def _bars(bins: NDArray[np.float64], heights: NDArray[np.float64], top: float) -> list[str]:
    bars = []
    for low, high, height in zip(bins[:-1], bins[1:], heights, strict=True):
        left, right = _across(low, bins), _across(high, bins)
        tall = height / top * (_BOTTOM - _TOP)
        bars.append(
            f'<rect class="bar" x="{left + 0.75:.1f}" y="{_BOTTOM - tall:.1f}" '
            f'width="{right - left - 1.5:.1f}" height="{tall:.1f}"/>'
        )
    return bars


def _axis(bins: NDArray[np.float64]) -> list[str]:
    every = max(1, (len(bins) - 1 + 5) // 6)
    return [
        f'<text x="{_across(edge, bins):.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{edge:.4g}</text>'
        for edge in bins[::every]
    ]


def _across(value: float, bins: NDArray[np.float64]) -> float:
    return float(_LEFT + (value - bins[0]) / (bins[-1] - bins[0]) * (_RIGHT - _LEFT))
