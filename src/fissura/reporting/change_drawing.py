"""The picture of a comparison: the earlier photograph, the later one laid over it, and what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fissura.measuring import Branch, Measurement
from fissura.measuring.centreline import polyline_length
from fissura.measuring.change import Change, Comparison
from fissura.measuring.registration import Registration
from fissura.reporting.crack_drawing import draw_cracks, width_bar
from fissura.reporting.legend import INK, PAPER, Colour, LegendPart, font, scale_bar, swatch, with_legend
from fissura.reporting.overlay import grown
from fissura.reporting.quantities import said_length, said_width
from fissura.reporting.tags import tagged

# Okabe and Ito's vermilion (brightened), sky blue and yellow: told apart by every kind of colour vision, and on grey.
_NEW: Colour = (255, 106, 20)
_AS_BEFORE: Colour = (86, 180, 233)
_NOT_SEEN: Colour = (240, 228, 66)
_GAP_PX = 12
_MOST_TAGS = 12


def draw_change(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    cracks: tuple[Measurement, Measurement],
    comparison: Comparison,
    *,
    panel_px: int = 720,
) -> NDArray[np.uint8]:
    """Draw both dates in the earlier photograph's view, side by side, and what has changed beside them.

    In the third picture crack is coloured over the greyed later photograph: new, as before, or no longer seen; what
    only one photograph shows is dark. Growth is written beside the cracks.

    Args:
        before: ``(H, W, 3)`` uint8 RGB, the earlier photograph.
        after: ``(h, w, 3)`` uint8 RGB, the later one.
        cracks: measurements of both, the earlier first.
        comparison: what `fissura.measuring` found by comparing them.
        panel_px: longer side of each of the three pictures, in px.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Example:
        >>> picture = draw_change(before, after, (measured, measured_later), comparison)  # doctest: +SKIP
        >>> save_image(Path("change.png"), picture)  # doctest: +SKIP
    """
    registration = comparison.registration
    earlier, later = cracks[0], lay_over(cracks[1], registration, cracks[0].mm_per_px)
    warped = registration.warp(after)
    widest = max((crack.width_max_px for side in (earlier, later) for crack in side.cracks), default=1.0)
    zoom = panel_px / max(before.shape[:2])
    text_px = max(12, round(panel_px / 36))
    panels = [
        draw_cracks(photo, measured, side_px=panel_px, text_px=text_px, widest_px=widest, legend=False)
        for photo, measured in ((before, earlier), (warped, later))
    ]
    panels.append(_draw_difference(warped, earlier, later, comparison, panels[0].shape[1::-1], text_px))
    captions = ("before", "after, laid over before", "change")
    picture = _side_by_side(panels, captions, text_px)
    parts = [
        swatch(_NEW, "new crack", text_px),
        swatch(_AS_BEFORE, "as before", text_px),
        swatch(_NOT_SEEN, "no longer seen", text_px),
        width_bar(widest, earlier.mm_per_px, text_px),
        scale_bar(zoom, earlier.mm_per_px, 0.25 * panels[0].shape[1], text_px),
        _words(f"registration error {said_width(registration.error_px, earlier.mm_per_px)}", text_px),
    ]
    return with_legend(picture, parts, text_px)


def lay_over(measurement: Measurement, registration: Registration, mm_per_px: float | None) -> Measurement:
    """Put the later photograph's cracks into the earlier photograph's px, for drawing.

    Args:
        measurement: cracks of the later photograph.
        registration: how it lies over the earlier one.
        mm_per_px: the earlier photograph's scale; None without one.

    Returns:
        The cracks with centre lines, widths and labels in the earlier photograph's px; their numbers stay.
    """

    def laid(branch: Branch) -> Branch:
        points = registration.to_before(branch.points_px)
        return Branch(points, branch.width_px * registration.enlargement(branch.points_px), polyline_length(points))

    cracks = []
    for crack in measurement.cracks:
        branches = tuple(laid(branch) for branch in crack.branches)
        widest = max(float(branch.width_px.max()) for branch in branches)
        cracks.append(replace(crack, branches=branches, width_max_px=widest, mm_per_px=mm_per_px))
    height, width = registration.before_shape
    labels = cv2.warpPerspective(
        measurement.labels.astype(np.float32), registration.after_to_before, (width, height), flags=cv2.INTER_NEAREST
    )
    return replace(
        measurement,
        cracks=tuple(cracks),
        height_px=height,
        width_px=width,
        mm_per_px=mm_per_px,
        labels=np.asarray(labels, np.int32),
    )


def _draw_difference(
    warped: NDArray[np.uint8],
    earlier: Measurement,
    later: Measurement,
    comparison: Comparison,
    size: Sequence[int],
    text_px: int,
) -> NDArray[np.uint8]:
    common = comparison.registration.common_view()
    reach = max(1, round(comparison.tolerance_px))
    old, now = earlier.labels > 0, later.labels > 0
    new = now & ~grown(old, reach)
    gone = old & common & ~grown(now, reach)
    grey = cv2.cvtColor(warped, cv2.COLOR_RGB2GRAY)
    ground = np.where(common, 0.45 * grey + 45, 30).astype(np.uint8)
    canvas = cv2.cvtColor(cv2.resize(ground, tuple(size), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    least = max(1, round(max(size) / 500))
    taken = np.zeros(canvas.shape[:2], bool)
    for mask, colour in ((now & ~new, _AS_BEFORE), (gone, _NOT_SEEN), (new, _NEW)):
        share = cv2.resize(mask.astype(np.float32), tuple(size), interpolation=cv2.INTER_AREA)
        drawn = grown(np.asarray(share > 0.2), least)  # hairlines must be seen too
        canvas[drawn] = colour
        taken |= drawn
    zoom = size[0] / comparison.registration.before_shape[1]
    return tagged(np.asarray(canvas), _tags(comparison.changes, earlier, later, zoom), grown(taken, 3), text_px)


def _tags(
    changes: Sequence[Change], earlier: Measurement, later: Measurement, zoom: float
) -> list[tuple[str, NDArray[np.float64]]]:
    """Say each change beside its crack: the first ones are the ones that matter."""
    tags = []
    for change in changes[:_MOST_TAGS]:
        measured, numbers = (later, change.after) if change.after else (earlier, change.before)
        branches = [branch for crack in measured.cracks if crack.number in numbers for branch in crack.branches]
        points = max(branches, key=lambda branch: branch.length_px).points_px
        places = np.rint(np.array([0.5, 0.25, 0.75, 0.0, 1.0]) * (len(points) - 1)).astype(int)
        text = _said(change)
        if text:
            tags.append((text, (points[places] + 0.5) * zoom - 0.5))
    return tags


def _said(change: Change) -> str:
    if change.kind == "new":
        return f"new, {said_length(change.length_after_px, change.mm_per_px)}"
    if change.kind != "grown":
        return ""
    said = []
    if change.length_growth_px > change.length_uncertainty_px:
        said.append(f"+{said_length(change.length_growth_px, change.mm_per_px)} long")
    elif change.new_length_px > change.length_uncertainty_px:  # as much is lost elsewhere
        said.append(f"{said_length(change.new_length_px, change.mm_per_px)} new")
    if change.width_growth_px is not None and change.width_growth_px > change.width_uncertainty_px:
        said.append(f"+{said_width(change.width_growth_px, change.mm_per_px)} wide")
    return ", ".join(said)


def _side_by_side(panels: Sequence[NDArray[np.uint8]], captions: Sequence[str], text_px: int) -> NDArray[np.uint8]:
    head, width = 2 * text_px, panels[0].shape[1]
    picture = Image.new("RGB", (len(panels) * (width + _GAP_PX) - _GAP_PX, panels[0].shape[0] + head), PAPER)
    for place, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        left = place * (width + _GAP_PX)
        picture.paste(Image.fromarray(panel), (left, head))
        ImageDraw.Draw(picture).text((left, head / 2), caption, font=font(text_px), fill=INK, anchor="lm")
    return np.array(picture)


def _words(text: str, text_px: int) -> LegendPart:
    def draw(strip: ImageDraw.ImageDraw, left: float, middle: float) -> None:
        strip.text((left, middle), text, font=font(text_px), fill=INK, anchor="lm")

    return LegendPart(font(text_px).getlength(text), draw)
