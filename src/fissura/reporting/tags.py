"""Texts on pictures, each placed where it covers neither what is drawn nor another text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fissura.reporting.legend import INK, PAPER, font


def tagged(
    canvas: NDArray[np.uint8],
    tags: Sequence[tuple[str, NDArray[np.float64]]],
    taken: NDArray[np.bool_],
    text_px: int,
) -> NDArray[np.uint8]:
    """Write each text beside one of its places, where it covers the least of what is drawn, and no other text.

    A text that has no room is left out, so the first ones are the ones that stay.

    Args:
        canvas: ``(H, W, 3)`` uint8 RGB.
        tags: each text, and the places ``(N, 2)`` it may stand beside, x and y in px, the best first.
        taken: ``(H, W)`` bool, what should not be covered; see `near`.
        text_px: size of the letters, in px.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new picture.
    """
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    height, width = canvas.shape[:2]
    written = np.zeros((height, width), bool)
    for text, anchors in tags:
        size = _tag_size(text, text_px)
        best, least = None, np.inf
        for left, top in _candidates(anchors, size, text_px):
            if left < 1 or top < 1 or left + size[0] > width - 2 or top + size[1] > height - 2:
                continue
            there = np.s_[top - 1 : top + size[1] + 2, left - 1 : left + size[0] + 2]
            if written[there].any():
                continue
            covered = float(taken[there].mean())
            if covered < least:
                best, least = (left, top), covered
            if covered == 0:
                break
        if best is not None:
            box = (best[0], best[1], best[0] + size[0], best[1] + size[1])
            written[best[1] - 2 : box[3] + 3, best[0] - 2 : box[2] + 3] = True
            _draw_tag(draw, box, text, text_px)
    return np.array(image)


def near(shape: tuple[int, ...], points: NDArray[np.float64], reach_px: int) -> NDArray[np.bool_]:
    """Mark what lies within about ``reach_px`` of points, ``(H, W)``."""
    taken = np.zeros(shape[:2], np.uint8)
    columns, rows = np.rint(points).astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    taken[rows[inside], columns[inside]] = 1
    return np.asarray(cv2.dilate(taken, np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)) > 0)


def _candidates(anchors: NDArray[np.float64], size: tuple[int, int], text_px: int) -> Iterator[tuple[int, int]]:
    """Give left upper corners of a plate beside the anchors: above, right, below, left, then further away."""
    for away in (0.6 * text_px, 1.2 * text_px, 2.0 * text_px):
        for x, y in anchors:
            for across, down in ((1, -1), (1, 0), (1, 1), (-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1)):
                middle_x = x + across * (away + size[0] / 2)
                middle_y = y + down * (away + size[1] / 2)
                yield round(middle_x - size[0] / 2), round(middle_y - size[1] / 2)


def _tag_size(text: str, text_px: int) -> tuple[int, int]:
    """Give the width and height in px of the plate that a text needs."""
    return round(font(text_px).getlength(text)) + max(6, text_px // 2), round(1.35 * text_px) + 2


def _draw_tag(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], text: str, text_px: int) -> None:
    """Write white text on a dark plate: read on light surfaces and on dark ones."""
    draw.rounded_rectangle(box, radius=max(2, text_px // 4), fill=INK, outline=PAPER)
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    draw.text(centre, text, font=font(text_px), fill=PAPER, anchor="mm")
