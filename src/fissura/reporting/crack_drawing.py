"""Pictures of measured cracks: centre lines coloured by width, one crack close up, and its widest place.

Every picture has a strip below it with the colour bar and a scale bar, in mm where the scale is known and else in
px of the photograph, so that it can be read away from any table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from fissura.measuring import Branch, Crack, Measurement
from fissura.reporting.legend import (
    INK,
    PAPER,
    LegendPart,
    colour_bar,
    scale_bar,
    with_legend,
)
from fissura.reporting.quantities import round_above, said_width
from fissura.reporting.tags import near, tagged

# Plasma is perceptually uniform and has no grey, so it is told from any wall or road. Its dark violet end is left
# out: on dark asphalt it would not be seen.
_PLASMA = matplotlib.colormaps["plasma"](np.linspace(0.25, 1.0, 256))[:, :3]
_COLOURS: NDArray[np.uint8] = np.rint(255 * _PLASMA).astype(np.uint8)  # (256, 3)
_LEAST_SIDE_PX = 720  # smaller photographs are enlarged, for lines and words to fit beside the crack
_SHIFT = 4  # OpenCV draws at 1/16 of a pixel


@dataclass(frozen=True)
class _View:
    """A rectangle of the photograph, enlarged: x, y, width and height in px, and how many times."""

    left: int
    top: int
    width: int
    height: int
    zoom: float

    def show(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        part = photo[self.top : self.top + self.height, self.left : self.left + self.width]
        size = (max(1, round(self.width * self.zoom)), max(1, round(self.height * self.zoom)))
        how = cv2.INTER_AREA if self.zoom < 1 else cv2.INTER_CUBIC
        return np.array(cv2.resize(part, size, interpolation=how), np.uint8)

    def place(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give where points of the photograph, ``(N, 2)``, stand in the picture."""
        return (points_px - (self.left, self.top) + 0.5) * self.zoom - 0.5


def draw_cracks(
    photo: NDArray[np.uint8],
    measurement: Measurement,
    *,
    side_px: int | None = None,
    text_px: int | None = None,
    widest_px: float | None = None,
    legend: bool = True,
) -> NDArray[np.uint8]:
    """Draw the centre lines of all cracks over their photograph, coloured by width, with the cracks' numbers.

    Where many cracks stand close together the longest keep their numbers.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        measurement: its cracks, from `fissura.measuring`.
        side_px: longer side of the drawn photograph, in px; by default its own, or 720 px where that is more.
        text_px: size of the letters, in px; by default one that suits a picture shown as large as a page's column.
        widest_px: width in px that the lightest colour must reach to, for pictures to be compared; by default that
            of the widest crack.
        legend: whether to put the strip with colour bar and scale bar below.

    Returns:
        ``(h, w, 3)`` uint8 RGB.

    Example:
        >>> picture = draw_cracks(photo, measure(mask, photo=photo, mm_per_px=0.2))  # doctest: +SKIP
        >>> save_image(Path("cracks.png"), picture)  # doctest: +SKIP
    """
    height, width = photo.shape[:2]
    side_px = side_px or max(height, width, _LEAST_SIDE_PX)
    view = _View(0, 0, width, height, side_px / max(height, width))
    return _draw(photo, measurement, measurement.cracks, view, text_px, widest_px, legend=legend)


def draw_crack(
    photo: NDArray[np.uint8],
    measurement: Measurement,
    crack: Crack,
    *,
    size_px: tuple[int, int] = (720, 540),
) -> NDArray[np.uint8]:
    """Draw one crack close up, its centre line coloured by width, its widest place ringed and given.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        measurement: the cracks of that photograph.
        crack: the one to draw.
        size_px: greatest width and height of the drawn part of the photograph, in px.

    Returns:
        ``(h, w, 3)`` uint8 RGB.
    """
    x, y, width, height = crack.box_px
    margin = max(12, round(0.12 * max(width, height)))
    centre = (x + (width - 1) / 2, y + (height - 1) / 2)
    view = _view_around(photo, centre, (width + 2 * margin, height + 2 * margin), size_px)
    return _draw(photo, measurement, [crack], view, mark_widest=True)


def draw_widest(
    photo: NDArray[np.uint8], measurement: Measurement, crack: Crack, *, side_px: int = 540
) -> NDArray[np.uint8]:
    """Draw a crack's widest place, greatly enlarged, between two arrows; the crack itself stays bare.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        measurement: the cracks of that photograph.
        crack: whose widest place to draw.
        side_px: side of the square drawn, in px.

    Returns:
        ``(h, w, 3)`` uint8 RGB, about square.
    """
    reach = max(24, round(6 * crack.width_max_px))  # px of the photograph: the crack and as much beside it
    view = _view_around(photo, crack.width_max_at_px, (reach, reach), (side_px, side_px))
    canvas = view.show(photo)
    text_px = _text_px(canvas, share=28)  # shown smaller than a whole photograph
    (middle,) = view.place(np.array([crack.width_max_at_px]))
    across = _normal_at(crack.branches, crack.width_max_at_px)
    half = across * crack.width_max_px / 2 * view.zoom
    arrow = across * 0.16 * min(canvas.shape[:2])
    for edge, away in ((middle + half, arrow), (middle - half, -arrow)):
        for colour, thickness in ((INK, 6), (PAPER, 3)):
            start, end = (tuple(np.rint(point).astype(int).tolist()) for point in (edge + away, edge))
            tip = 12 / max(1.0, float(np.hypot(*away)))
            cv2.arrowedLine(canvas, start, end, colour, thickness, cv2.LINE_AA, tipLength=tip)
    text = said_width(crack.width_max_px, measurement.mm_per_px)
    ends = np.stack([middle + half + arrow, middle - half - arrow])
    taken = near(canvas.shape[:2], np.linspace(ends[0], ends[1], 50), 4)
    along = np.array([across[1], -across[0]]) * 3 * text_px
    canvas = tagged(canvas, [(text, np.vstack([ends, middle + along, middle - along]))], taken, text_px)
    bar = scale_bar(view.zoom, measurement.mm_per_px, 0.3 * canvas.shape[1], text_px)
    return with_legend(canvas, [bar], text_px)


def _draw(
    photo: NDArray[np.uint8],
    measurement: Measurement,
    cracks: Sequence[Crack],
    view: _View,
    text_px: int | None = None,
    widest_px: float | None = None,
    *,
    legend: bool = True,
    mark_widest: bool = False,
) -> NDArray[np.uint8]:
    canvas = view.show(photo)
    text_px = text_px or _text_px(canvas, share=30 if mark_widest else 38)
    line_px = max(2, round(max(canvas.shape) / 450))
    top_px = _top_px(widest_px or max((crack.width_max_px for crack in cracks), default=1.0), measurement.mm_per_px)
    lines = [_Line.of(branch, view) for crack in cracks for branch in crack.branches]
    for line in lines:
        line.draw_casing(canvas, line_px)
    for line in lines:
        line.draw_colours(canvas, line_px, top_px)
    points = np.vstack([line.points for line in lines]) if lines else np.empty((0, 2))
    taken = near(canvas.shape[:2], points, 2 * line_px)
    if mark_widest:
        canvas = _with_widest(canvas, measurement, cracks[0], view, taken, text_px)
    else:
        tags = [(str(crack.number), _anchors(crack, view)) for crack in cracks]
        canvas = tagged(canvas, tags, taken, text_px)
    if not legend:
        return canvas
    bar = scale_bar(view.zoom, measurement.mm_per_px, 0.25 * canvas.shape[1], text_px)
    return with_legend(canvas, [width_bar(top_px, measurement.mm_per_px, text_px), bar] if lines else [bar], text_px)


def width_bar(widest_px: float, mm_per_px: float | None, text_px: int) -> LegendPart:
    """Explain the colours of widths, up to the round number that `draw_cracks` reaches to for a widest crack.

    Args:
        widest_px: width of the widest crack, in px.
        mm_per_px: the scale; None without one.
        text_px: size of the letters, in px.
    """
    top = _top_px(widest_px, mm_per_px) * (mm_per_px or 1.0)
    unit = "px" if mm_per_px is None else "mm"
    return colour_bar(_COLOURS, "crack width", "0", f"{top:.4g} {unit}", text_px)


def _top_px(widest_px: float, mm_per_px: float | None) -> float:
    """Give the width in px that the lightest colour stands for: a round number of px or mm."""
    unit = mm_per_px or 1.0
    return round_above(max(widest_px, 1e-6) * unit) / unit


@dataclass(frozen=True)
class _Line:
    """A centre line in the picture: points ``(N, 2)`` in px of the picture, widths ``(N,)`` in px of the photo."""

    points: NDArray[np.float64]
    width_px: NDArray[np.float64]

    @classmethod
    def of(cls, branch: Branch, view: _View) -> _Line:
        # Points closer together than the picture can show would only cost time.
        step = max(1, int(1 / view.zoom))
        kept = np.unique(np.append(np.arange(0, len(branch.points_px), step), len(branch.points_px) - 1))
        return cls(view.place(branch.points_px[kept]), branch.width_px[kept])

    def draw_casing(self, canvas: NDArray[np.uint8], line_px: int) -> None:
        """Draw the dark rim that keeps a light line visible on a light surface."""
        cv2.polylines(
            canvas, [_fixed(self.points)], False, INK, line_px + 2 * max(1, line_px // 3), cv2.LINE_AA, _SHIFT
        )

    def draw_colours(self, canvas: NDArray[np.uint8], line_px: int, top_px: float) -> None:
        steps = np.clip(255 * self.width_px / top_px, 0, 255).astype(int)
        fixed = _fixed(self.points)
        if len(fixed) == 1:
            fixed, steps = np.repeat(fixed, 2, axis=0), np.repeat(steps, 2)
        for start, end, step in zip(fixed[:-1], fixed[1:], (steps[:-1] + steps[1:]) // 2, strict=True):
            cv2.line(canvas, start, end, _COLOURS[step].tolist(), line_px, cv2.LINE_AA, _SHIFT)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Give points as OpenCV's fixed-point numbers."""
    return np.asarray(np.rint(points * 2**_SHIFT), np.int32)


def _with_widest(
    canvas: NDArray[np.uint8],
    measurement: Measurement,
    crack: Crack,
    view: _View,
    taken: NDArray[np.bool_],
    text_px: int,
) -> NDArray[np.uint8]:
    """Ring the widest place, and give its width beside it."""
    (centre,) = view.place(np.array([crack.width_max_at_px]))
    radius = max(text_px, round(0.75 * crack.width_max_px * view.zoom))
    for colour, thickness in ((INK, 4), (PAPER, 2)):
        middle = tuple(_fixed(centre).tolist())
        cv2.circle(canvas, middle, radius << _SHIFT, colour, thickness, cv2.LINE_AA, _SHIFT)
    angles = np.linspace(0, 2 * np.pi, 90)
    ring = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    taken |= near(canvas.shape[:2], ring, 3)
    text = said_width(crack.width_max_px, measurement.mm_per_px)
    return tagged(canvas, [(text, ring[::15])], taken, text_px)


def _anchors(crack: Crack, view: _View) -> NDArray[np.float64]:
    """Give places along a crack's longest branch, the middle one first, ``(N, 2)`` in px of the picture."""
    points = max(crack.branches, key=lambda branch: branch.length_px).points_px
    shares = np.array([0.5, 0.3, 0.7, 0.1, 0.9])
    return view.place(points[np.rint(shares * (len(points) - 1)).astype(int)])


def _view_around(
    photo: NDArray[np.uint8], centre: tuple[float, float], size: tuple[int, int], size_px: tuple[int, int]
) -> _View:
    """Choose the part of a photograph about ``centre``, of at least ``size``, that fits a picture.

    What the picture has room for is shown too, so that pictures of thin and of long cracks are of about one size.
    """
    height, width = photo.shape[:2]
    size = (min(width, max(size[0], 24)), min(height, max(size[1], 24)))
    zoom = min(size_px[0] / size[0], size_px[1] / size[1], 16.0)
    shown = (min(width, round(size_px[0] / zoom)), min(height, round(size_px[1] / zoom)))
    left = min(max(0, round(centre[0] - shown[0] / 2)), width - shown[0])
    top = min(max(0, round(centre[1] - shown[1] / 2)), height - shown[1])
    return _View(left, top, shown[0], shown[1], zoom)


def _normal_at(branches: Sequence[Branch], place: tuple[float, float]) -> NDArray[np.float64]:
    """Give the unit vector across the crack at the point of its centre line nearest to ``place``, ``(2,)``."""
    distances = [np.hypot(*(branch.points_px - place).T) for branch in branches]
    nearest = min(range(len(branches)), key=lambda at: float(distances[at].min()))
    points, here = branches[nearest].points_px, int(distances[nearest].argmin())
    along = points[min(here + 3, len(points) - 1)] - points[max(here - 3, 0)]
    length = float(np.hypot(*along))
    return np.array([-along[1], along[0]]) / length if length > 0 else np.array([0.0, 1.0])


def _text_px(canvas: NDArray[np.uint8], share: float = 38) -> int:
    """Choose letters that stay readable when the picture is shown in a column of a page."""
    height, width = canvas.shape[:2]
    return max(11, round(float(np.sqrt(height * width)) / share))
