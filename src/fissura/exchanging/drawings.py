"""Drawings of centre lines, one per photograph: SVG for the web and for drawing programs, DXF for CAD.

Lengths are millimetres where the measurement has a scale, and else the photograph's pixels, which the drawing
says. The photograph's corner is the origin: its upper left one in SVG, where y points down, and its lower left
one in DXF, where y points up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from fissura.exchanging.photo_cracks import PhotoCracks, describe, line_of
from fissura.files import written_whole
from fissura.measuring import Branch, Measurement

if TYPE_CHECKING:
    from ezdxf.document import Drawing

# Layers of the DXF file, with their AutoCAD colour numbers: red, grey, and black on white.
_LINES, _FRAME, _LABELS = ("CRACK_CENTRE_LINES", 1), ("PHOTO_FRAME", 8), ("CRACK_LABELS", 7)


def write_svg(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Draw each photograph's centre lines as ``<out>/<name>.svg``: one group per crack, titled with its size.

    The drawing's unit is the millimetre where there is a scale: it prints at the size of the surface.

    Raises:
        FissuraError: if a file cannot be written.
    """
    for photo in photos:
        with written_whole(out / f"{photo.stem}.svg") as temporary:
            ElementTree.ElementTree(_svg(photo)).write(temporary, encoding="utf-8", xml_declaration=True)


def write_dxf(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Draw each photograph's centre lines as ``<out>/<name>.dxf``, an AutoCAD 2010 drawing.

    Layers: ``CRACK_CENTRE_LINES`` (a polyline per branch), ``CRACK_LABELS`` and ``PHOTO_FRAME``. The drawing's
    unit is set to millimetres where there is a scale, and to none otherwise.

    Raises:
        FissuraError: if a file cannot be written.
    """
    for photo in photos:
        with written_whole(out / f"{photo.stem}.dxf") as temporary:
            _dxf(photo).saveas(temporary)


def _svg(photo: PhotoCracks) -> ElementTree.Element:
    measurement = photo.measurement
    scale, unit = measurement.mm_per_px or 1.0, _unit(measurement)
    width, height = measurement.width_px * scale, measurement.height_px * scale
    root = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width:.6g}{unit}",
        height=f"{height:.6g}{unit}",
        viewBox=f"0 0 {width:.6g} {height:.6g}",
    )
    ElementTree.SubElement(root, "title").text = _printable(photo.name)
    ElementTree.SubElement(root, "desc").text = _note(measurement)
    style = {"fill": "none", "stroke-linecap": "round", "stroke-linejoin": "round"}
    frame = {"width": f"{width:.6g}", "height": f"{height:.6g}", "stroke": "#888888", "stroke-width": f"{scale:.6g}"}
    ElementTree.SubElement(root, "rect", {"fill": "none", **frame})
    lines = ElementTree.SubElement(root, "g", {**style, "stroke": "#c2185b", "stroke-width": f"{2 * scale:.6g}"})
    for crack in measurement.cracks:
        group = ElementTree.SubElement(lines, "g", id=f"crack-{crack.number}")
        ElementTree.SubElement(group, "title").text = describe(crack)
        for branch in crack.branches:
            points = " ".join(f"{x:.6g},{y:.6g}" for x, y in _from_corner(branch) * scale)
            ElementTree.SubElement(group, "polyline", points=points)
    return root


def _dxf(photo: PhotoCracks) -> Drawing:
    from ezdxf.enums import InsertUnits, TextEntityAlignment  # here, for it takes a third of a second to load
    from ezdxf.filemanagement import new as new_drawing

    measurement = photo.measurement
    scale = measurement.mm_per_px or 1.0
    width, height = measurement.width_px * scale, measurement.height_px * scale
    text_height = min(width, height) / 60  # small beside the photograph, readable when it fills a screen
    drawing = new_drawing("R2010", units=InsertUnits.Millimeters if measurement.mm_per_px else InsertUnits.Unitless)
    drawing.header["$MEASUREMENT"] = 1  # metric line types
    for name, colour in (_LINES, _FRAME, _LABELS):
        drawing.layers.add(name, color=colour)
    space = drawing.modelspace()
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    space.add_lwpolyline(corners, close=True, dxfattribs={"layer": _FRAME[0]})
    note = f"{_printable(photo.name)}: {_note(measurement)}"
    text = space.add_text(note, height=text_height, dxfattribs={"layer": _FRAME[0]})
    text.set_placement((0, -0.5 * text_height), align=TextEntityAlignment.TOP_LEFT)
    for crack in measurement.cracks:
        for branch in crack.branches:
            x, y = (_from_corner(branch) * scale).T
            points = np.stack([x, height - y], axis=1).tolist()
            space.add_lwpolyline(points, dxfattribs={"layer": _LINES[0]})
        x, y = ((place_px + 0.5) * scale for place_px in crack.width_max_at_px)
        label = space.add_text(describe(crack), height=text_height, dxfattribs={"layer": _LABELS[0]})
        if x < width / 2:  # towards the middle, so that it stays within the frame
            label.set_placement((x + text_height, height - y))
        else:
            label.set_placement((x - text_height, height - y), align=TextEntityAlignment.RIGHT)
    return drawing


def _from_corner(branch: Branch) -> NDArray[np.float64]:
    """Give a branch's line, (N, 2), with the origin moved from the upper left pixel's centre to its corner."""
    return line_of(branch) + 0.5


def _unit(measurement: Measurement) -> str:
    return "px" if measurement.mm_per_px is None else "mm"


def _note(measurement: Measurement) -> str:
    if measurement.mm_per_px is None:
        return "lengths are in pixels of the photograph; its scale is not known"
    return f"lengths are in mm, at {measurement.mm_per_px:.6g} mm per pixel"


def _printable(name: str) -> str:
    """Replace what neither XML nor a line of DXF can hold: control characters and the like."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", "?", name)
