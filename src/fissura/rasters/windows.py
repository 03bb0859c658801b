"""Windows: the rectangles by which a raster is worked through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A rectangle of a raster, in px.

    Attributes:
        top: its first row.
        left: its first column.
        height: how many rows.
        width: how many columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.width)

    def grown(self, by_px: int, height: int, width: int) -> Window:
        """Give the window with a margin on every side, as far as the raster of ``height`` x ``width`` reaches."""
        top, left = max(self.top - by_px, 0), max(self.left - by_px, 0)
        bottom = min(self.top + self.height + by_px, height)
        right = min(self.left + self.width + by_px, width)
        return Window(top, left, bottom - top, right - left)

    def within(self, larger: Window) -> tuple[slice, slice]:
        """Give the rows and columns of this window in an array of a larger one."""
        top, left = self.top - larger.top, self.left - larger.left
        return slice(top, top + self.height), slice(left, left + self.width)


def windows_of(height: int, width: int, window_px: tuple[int, int]) -> Iterator[Window]:
    """Cut a raster into windows of ``window_px`` (height, width) at most, row by row."""
    for top in range(0, height, window_px[0]):
        for left in range(0, width, window_px[1]):
            yield Window(top, left, min(window_px[0], height - top), min(window_px[1], width - left))
