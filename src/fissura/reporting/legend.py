"""The strip below a picture that explains it: colours, colour bar and scale bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fissura.reporting.quantities import round_below, said_length

Colour = tuple[int, int, int]  # red, green, blue, each 0 to 255

INK: Colour = (28, 28, 30)
PAPER: Colour = (255, 255, 255)
_GREY: Colour = (120, 120, 124)


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which matplotlib carries, so that pictures are the same on every machine."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size_px)


@dataclass(frozen=True)
class LegendPart:
    """One piece of the strip below a picture.

    Attributes:
        width_px: how much room it takes.
        draw: draws it, given the strip, the piece's left edge in px and the middle of its line in px.
    """

    width_px: float
    draw: Callable[[ImageDraw.ImageDraw, float, float], None]


def swatch(colour: Colour, text: str, text_px: int) -> LegendPart:
    """Explain a colour: a filled square and a text."""

    def draw(strip: ImageDraw.ImageDraw, left: float, middle: float) -> None:
        half = text_px / 2
        strip.rectangle((left, middle - half, left + text_px, middle + half), fill=colour, outline=_GREY)
        strip.text((left + 1.5 * text_px, middle), text, font=font(text_px), fill=INK, anchor="lm")

    return LegendPart(1.5 * text_px + font(text_px).getlength(text), draw)


def colour_bar(colours: NDArray[np.uint8], caption: str, least: str, most: str, text_px: int) -> LegendPart:
    """Explain a colour map: caption, least value, the bar, and the greatest value.

    Args:
        colours: ``(N, 3)`` uint8 RGB from the least value to the greatest.
        caption: what is shown, with its unit.
        least: the least value.
        most: the greatest value.
        text_px: size of the letters, in px.
    """
    words, gap, bar_px = font(text_px), 0.5 * text_px, 6 * text_px
    caption_px, least_px, most_px = (words.getlength(text) for text in (caption, least, most))

    def draw(strip: ImageDraw.ImageDraw, left: float, middle: float) -> None:
        strip.text((left, middle), caption, font=words, fill=INK, anchor="lm")
        left += caption_px + 2 * gap
        strip.text((left, middle), least, font=words, fill=INK, anchor="lm")
        left += least_px + gap
        top, bottom = middle - text_px / 2, middle + text_px / 2
        for step in range(bar_px):
            colour = colours[step * len(colours) // bar_px]
            strip.line((left + step, top, left + step, bottom), fill=tuple(colour.tolist()))
        strip.rectangle((left - 1, top - 1, left + bar_px, bottom + 1), outline=_GREY)
        strip.text((left + bar_px + gap, middle), most, font=words, fill=INK, anchor="lm")

    return LegendPart(caption_px + least_px + most_px + bar_px + 4 * gap, draw)


def scale_bar(drawn_px_per_photo_px: float, mm_per_px: float | None, most_px: float, text_px: int) -> LegendPart:
    """Show how long a round length is in the picture: in mm (or m) with a scale, else in px of the photograph.

    Args:
        drawn_px_per_photo_px: how far the photograph was enlarged.
        mm_per_px: the photograph's scale; None where it is not known.
        most_px: how long the bar may be, in px of the picture.
        text_px: size of the letters, in px.
    """
    unit = mm_per_px or 1.0
    length = round_below(most_px / drawn_px_per_photo_px * unit)  # mm or px
    bar_px = length / unit * drawn_px_per_photo_px
    text = said_length(length / unit, mm_per_px) if mm_per_px or length >= 1 else f"{length:g} px"
    text_left = bar_px + 0.5 * text_px

    def draw(strip: ImageDraw.ImageDraw, left: float, middle: float) -> None:
        half = 0.35 * text_px
        right = left + bar_px
        strip.line((left, middle, right, middle), fill=INK, width=2)
        for end in (left, right):
            strip.line((end, middle - half, end, middle + half), fill=INK, width=2)
        strip.text((left + text_left, middle), text, font=font(text_px), fill=INK, anchor="lm")

    return LegendPart(text_left + font(text_px).getlength(text), draw)


def with_legend(picture: NDArray[np.uint8], parts: Sequence[LegendPart], text_px: int) -> NDArray[np.uint8]:
    """Put a white strip with a legend below a picture; nothing of the picture is covered.

    The parts stand beside each other as far as they fit; the rest goes on further lines.

    Args:
        picture: ``(H, W, 3)`` uint8 RGB.
        parts: what the strip says, the most important first.
        text_px: size of the letters, in px.

    Returns:
        ``(H + strip, W, 3)`` uint8 RGB; wider than W only where a single part does not fit.
    """
    margin, between, line_px = round(0.6 * text_px), round(1.5 * text_px), 2 * text_px
    width = max(picture.shape[1], *(round(part.width_px) + 2 * margin for part in parts))
    places, line, left = [], 0, float(margin)
    for part in parts:
        if left > margin and left + part.width_px > width - margin:
            line, left = line + 1, float(margin)
        places.append((left, (line + 0.5) * line_px))
        left += part.width_px + between
    strip = Image.new("RGB", (width, (line + 1) * line_px), PAPER)
    for part, (left, middle) in zip(parts, places, strict=True):
        part.draw(ImageDraw.Draw(strip), left, middle)
    beside = np.full((picture.shape[0], width - picture.shape[1], 3), 255, np.uint8)
    return np.vstack([np.hstack([picture, beside]), np.asarray(strip)])
