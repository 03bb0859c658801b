"""The cracks of a raster, measured window by window; a crack that crosses windows is one crack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.exchanging import PhotoCracks
from fissura.measuring import Crack, CrackInParts, Measurement, SeverityClass, measure, moved
from fissura.rasters import Raster, RasterPiece, StreamedPieces, Window
from fissura.segmenting import Cleaning

# Further than a centre line or a cross-section sees (smoothing, tips, flanks of wide cracks), but in broader pieces.
MARGIN_PX = 128
_CRACKS = Cleaning(low=0, high=1, min_extent_px=0, min_extent_fraction=0)  # of a mask, all pieces
_PIXEL_BYTES = 64  # that measuring takes per pixel of a window, at most
_LEAST_WINDOW_PX, _MOST_WINDOW_PX = 512, 2048


@dataclass(frozen=True, eq=False)
class RasterCracks:
    """The cracks of a raster.

    Attributes:
        cracks: the longest first, in the raster's own px.
        pieces: the piece of the mask that each is.
    """

    cracks: tuple[Crack, ...]
    pieces: tuple[RasterPiece, ...]

    def one_by_one(self, raster: Path, mask: Raster, most_px: float) -> Iterator[PhotoCracks]:
        """Give each crack for itself, with labels that cover its bounding box alone.

        A raster without cracks is given once, with none, so that its map has empty layers.

        Args:
            raster: the raster's file.
            mask: its mask.
            most_px: the labels of a larger bounding box stay empty, and the crack has no outline.
        """
        if not self.cracks:
            yield self.table(raster, mask.shape)
        for crack, piece in zip(self.cracks, self.pieces, strict=True):
            yield _by_itself(crack, piece, raster, mask, most_px)

    def table(self, raster: Path, shape: tuple[int, int]) -> PhotoCracks:
        """Give all cracks at once, for a table of them; there are no labels."""
        return PhotoCracks(raster, Measurement(self.cracks, *shape, None, np.zeros((1, 1), np.int32)))


def measure_raster(
    raster: Raster,
    mask: Raster,
    probability: Raster,
    *,
    mm_per_px: float | None,
    severity: Sequence[SeverityClass],
    free_bytes: int,
    progress: Callable[[int, int], None] | None = None,
) -> RasterCracks:
    """Measure the cracks of a raster's mask as `fissura.measure` does those of a photograph.

    Each window is measured with a margin. A crack within it is measured as it is; of a longer one each window gives
    its own part (see `CrackInParts`), so that its length, area and widths are those of all of it.

    Args:
        raster: the picture.
        mask: its mask, 255 where there is crack.
        probability: its probability map, 0 to 255.
        mm_per_px: the scale; None if there is none.
        severity: width classes, from the narrowest.
        free_bytes: how much memory there is for a window.
        progress: called with windows done and their total.
    """
    side = int((free_bytes / _PIXEL_BYTES) ** 0.5 - 4 * MARGIN_PX) // _LEAST_WINDOW_PX * _LEAST_WINDOW_PX
    side = min(max(side, _LEAST_WINDOW_PX), _MOST_WINDOW_PX)
    found = StreamedPieces(mask.shape, mask.read_band, _CRACKS, (side, side))
    is_whole = [_is_whole(piece, side, mask.shape) for piece in found.cracks]
    work = _Work(raster, mask, probability, found.cracks, mm_per_px, severity, is_whole, free_bytes / _PIXEL_BYTES)
    total = -(-mask.shape[0] // side) * -(-mask.shape[1] // side)
    for done, (window, labels) in enumerate(found.labels(), start=1):
        if labels.any():
            work.measure(window, labels)
        if progress is not None:
            progress(done, total)
    cracks = work.cracks()
    order = sorted(range(len(cracks)), key=lambda index: -cracks[index].length_px)
    numbered = (replace(cracks[index], number=number) for number, index in enumerate(order, start=1))
    return RasterCracks(tuple(numbered), tuple(found.cracks[index] for index in order))


def _by_itself(crack: Crack, piece: RasterPiece, raster: Path, mask: Raster, most_px: float) -> PhotoCracks:
    box, labels = piece.box, np.zeros((1, 1), np.int32)
    if box.height * box.width <= most_px:
        _, pieces = cv2.connectedComponents(mask.read_band(box), connectivity=8, ltype=cv2.CV_32S)
        number = pieces[piece.first[0] - box.top, piece.first[1] - box.left]
        labels = np.where(pieces == number, np.int32(crack.number), np.int32(0))
    measurement = Measurement((crack,), *mask.shape, crack.mm_per_px, labels, crack.severity)
    return PhotoCracks(raster, measurement, labels_at_px=(box.left, box.top))


@dataclass
class _Work:
    raster: Raster
    mask: Raster
    probability: Raster
    pieces: list[RasterPiece]
    mm_per_px: float | None
    severity: Sequence[SeverityClass]
    is_whole: list[bool]  # of each piece: see `_is_whole`
    most_px: float  # of a window, with its margin
    whole: dict[int, Crack] = field(default_factory=dict)
    in_parts: dict[int, CrackInParts] = field(default_factory=dict)

    def measure(self, window: Window, labels: NDArray[np.int32]) -> None:
        """Measure what a window has of cracks; its ``labels`` tell which: k for number k - 1 of the pieces."""
        here = [int(label) for label in np.unique(labels) if label]
        parts = [label for label in here if not self.is_whole[label - 1]]
        begun = [label for label in here if self.is_whole[label - 1] and _holds(window, self._first_pixel(label))]
        if not parts and not begun:
            return
        rows, columns = np.nonzero(np.isin(labels, parts))
        boxes = [Window(window.top + row, window.left + column, 1, 1) for row, column in _corners(rows, columns)]
        boxes += [self.pieces[label - 1].box for label in begun]
        seen = _around(boxes).grown(MARGIN_PX, *self.mask.shape)
        measured, chances = self._measured(seen)
        for label in begun:
            self.whole[label] = self._in(measured, label, seen)
        for label in parts:
            self._add_parts(label, window, labels, seen, measured, chances)

    def _measured(self, seen: Window) -> tuple[Measurement, NDArray[np.float32]]:
        chances = self.probability.read_band(seen).astype(np.float32) / np.float32(255)
        photo, mask = _without_gaps(self.raster, seen), self.mask.read_band(seen) > 0
        return measure(mask, chances, photo, self.mm_per_px, self.severity), chances

    def _in(self, measured: Measurement, label: int, seen: Window) -> Crack:
        row, column = self.pieces[label - 1].first
        number = int(measured.labels[row - seen.top, column - seen.left])
        return moved(measured.cracks[number - 1], seen.left, seen.top)

    def _add_parts(
        self,
        label: int,
        window: Window,
        labels: NDArray[np.int32],
        seen: Window,
        measured: Measurement,
        chances: NDArray[np.float32],
    ) -> None:
        rows, columns = np.nonzero(labels == label)
        rows, columns = rows + (window.top - seen.top), columns + (window.left - seen.left)
        numbers, chance = measured.labels[rows, columns], chances[rows, columns]
        parts = self.in_parts.setdefault(label, CrackInParts())
        box = (window.left, window.top, window.width, window.height)
        for number in np.unique(numbers).tolist():  # what hangs together outside may lie apart here
            of = numbers == number
            crack = moved(measured.cracks[number - 1], seen.left, seen.top)
            parts.add(crack, box, area_px=float(of.sum()), confidence=float(chance[of].mean()))

    def cracks(self) -> list[Crack]:
        """Give all cracks, in the order of the pieces."""
        joined = dict(self.whole)
        for label, parts in self.in_parts.items():
            box = self.pieces[label - 1].box
            crack = parts.joined((box.left, box.top, box.width, box.height), self.mm_per_px, self.severity)
            seen = box.grown(MARGIN_PX, *self.mask.shape)
            if crack.width_max_px > MARGIN_PX and seen.height * seen.width <= self.most_px:
                crack = self._in(self._measured(seen)[0], label, seen)
            joined[label] = crack
        return [joined[label] for label in sorted(joined)]

    def _first_pixel(self, label: int) -> Window:
        return Window(*self.pieces[label - 1].first, 1, 1)


def _without_gaps(raster: Raster, window: Window) -> NDArray[np.uint8]:
    """Read a window; what holds no data gets the mean of what does, for widths are measured against the surface."""
    photo, holds_data = raster.read(window), raster.holds_data(window)
    if holds_data.any() and not holds_data.all():
        photo[~holds_data] = photo[holds_data].mean(axis=0).round()
    return photo


def _is_whole(piece: RasterPiece, side: int, shape: tuple[int, int]) -> bool:
    """Tell whether a piece reaches no further than the margin of the window that it begins in."""
    row, column = piece.first
    window = Window(row // side * side, column // side * side, side, side)
    return _holds(window.grown(MARGIN_PX, *shape), piece.box)


def _holds(outer: Window, inner: Window) -> bool:
    return _around([outer, inner]) == outer


def _around(windows: Sequence[Window]) -> Window:
    top, left = min(one.top for one in windows), min(one.left for one in windows)
    bottom = max(one.top + one.height for one in windows)
    right = max(one.left + one.width for one in windows)
    return Window(top, left, bottom - top, right - left)


def _corners(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give the upper left and the lower right corner of the box around some pixels; nothing around none."""
    if not len(rows):
        return []
    return [(int(rows.min()), int(columns.min())), (int(rows.max()), int(columns.max()))]
