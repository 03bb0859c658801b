"""Drawings: ezdxf's reader and a plain XML reader find the centre lines, to scale and the right way up."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import ezdxf
import numpy as np
import pytest
from ezdxf import units

from fissura.exchanging import PhotoCracks, export
from small_cracks import cracked_photo, measured

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((60, 100), bool)
    mask[20, 10:90] = True
    mask[50, 5] = True
    return mask


def svg(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def points(element: ElementTree.Element) -> np.ndarray:
    return np.array([pair.split(",") for pair in element.attrib["points"].split()], float)


def test_svg_is_in_millimetres_where_there_is_a_scale(tmp_path: Path, mask: np.ndarray) -> None:
    assert export([cracked_photo("a/1.jpg", mask, 0.5)], "svg", tmp_path) == 1
    root = svg(tmp_path / "a/1.svg")
    assert root.attrib["width"] == "50mm"
    assert root.attrib["height"] == "30mm"
    assert root.attrib["viewBox"] == "0 0 50 30"
    assert root.findtext(f"{SVG}desc") == "lengths are in mm, at 0.5 mm per pixel"
    first, second = root.findall(f"{SVG}g/{SVG}g")
    assert first.findtext(f"{SVG}title") == "crack 1: 40 mm long, 1.75 mm wide at its widest"
    np.testing.assert_allclose(points(first.find(f"{SVG}polyline")), [(5.25, 10.25), (44.75, 10.25)])
    # A single pixel is a line across it.
    np.testing.assert_allclose(points(second.find(f"{SVG}polyline")), [(2.5, 25.25), (3.0, 25.25)])


def test_svg_says_so_where_there_is_no_scale(tmp_path: Path, mask: np.ndarray) -> None:
    export([cracked_photo("1.jpg", mask)], "svg", tmp_path)
    root = svg(tmp_path / "1.svg")
    assert root.attrib["width"] == "100px"
    assert "its scale is not known" in root.findtext(f"{SVG}desc")
    line = root.find(f"{SVG}g/{SVG}g/{SVG}polyline")
    np.testing.assert_allclose(points(line), [(10.5, 20.5), (89.5, 20.5)])


@pytest.mark.parametrize(("mm_per_px", "scale", "unit"), [(0.5, 0.5, units.MM), (None, 1.0, 0)])
def test_dxf_has_lines_with_y_up_and_its_unit_set(
    tmp_path: Path, mask: np.ndarray, mm_per_px: float | None, scale: float, unit: int
) -> None:
    export([cracked_photo("a/1.jpg", mask, mm_per_px)], "dxf", tmp_path)
    drawing = ezdxf.readfile(tmp_path / "a/1.dxf")
    assert not drawing.audit().errors
    assert drawing.units == unit
    space = drawing.modelspace()
    first, second = space.query('LWPOLYLINE[layer=="CRACK_CENTRE_LINES"]')
    np.testing.assert_allclose(first.get_points("xy"), np.array([(10.5, 39.5), (89.5, 39.5)]) * scale)
    np.testing.assert_allclose(second.get_points("xy"), np.array([(5, 9.5), (6, 9.5)]) * scale)
    (frame,) = space.query('LWPOLYLINE[layer=="PHOTO_FRAME"]')
    assert frame.closed
    np.testing.assert_allclose(np.max(frame.get_points("xy"), axis=0), np.array([100, 60]) * scale)
    (note,) = [text.dxf.text for text in space.query('TEXT[layer=="PHOTO_FRAME"]')]
    assert note.startswith("a/1.jpg: lengths are in mm, at 0.5" if mm_per_px else "a/1.jpg: lengths are in pixels")
    labels = [text.dxf.text for text in space.query('TEXT[layer=="CRACK_LABELS"]')]
    assert len(labels) == 2
    assert labels[0].startswith("crack 1: ")


def test_many_photographs_give_one_drawing_each(tmp_path: Path, mask: np.ndarray) -> None:
    photos = [cracked_photo(name, mask) for name in ("a/1.jpg", "b/1.jpg", "2.jpg", "a/..jpg")]
    photos.append(cracked_photo("clean.jpg", np.zeros((5, 5), bool)))
    for format in ("svg", "dxf"):
        assert export(photos, format, tmp_path / format) == 5
        found = {path.relative_to(tmp_path / format).as_posix() for path in (tmp_path / format).rglob("*.*")}
        assert found == {f"{name}.{format}" for name in ("a/1", "b/1", "2", "a/.", "clean")}


def test_names_that_are_no_xml_are_made_so(tmp_path: Path, mask: np.ndarray) -> None:
    name = "<a&b>\x07\x1b\n.jpg"
    for format in ("svg", "dxf"):
        export([PhotoCracks(Path(name), measured(mask, 0.5))], format, tmp_path)
    (drawn,) = tmp_path.glob("*.svg")
    assert svg(drawn).findtext(f"{SVG}title") == "<a&b>???.jpg"
    (drawn,) = tmp_path.glob("*.dxf")
    assert not ezdxf.readfile(drawn).audit().errors
