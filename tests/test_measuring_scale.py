"""Scales from a known length and from the camera's own words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.measuring import scale_from_camera, scale_from_known_length


def saved(path: Path, size: tuple[int, int] = (60, 40), **tags: float) -> Path:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({getattr(ExifTags.Base, name): value for name, value in tags.items()})
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8)).save(path, exif=exif)
    return path


def test_a_known_length() -> None:
    assert scale_from_known_length(500.0, (0.0, 0.0), (30.0, 40.0)) == pytest.approx(10.0)


@pytest.mark.parametrize(("length", "end"), [(0.0, (1.0, 1.0)), (-2.0, (1.0, 1.0)), (5.0, (0.0, 0.0))])
def test_no_length_is_refused(length: float, end: tuple[float, float]) -> None:
    with pytest.raises(FissuraError, match="known length: "):
        scale_from_known_length(length, (0.0, 0.0), end)


def test_focal_length_and_sensor_resolution(tmp_path: Path) -> None:
    # 50 mm lens, 200 px per mm of sensor (5 micrometre pixels), 2.05 m away: 2000 / 50 * 0.005 = 0.2 mm per pixel.
    photo = saved(tmp_path / "a.jpg", FocalLength=50.0, FocalPlaneXResolution=2000.0, FocalPlaneResolutionUnit=3)
    assert scale_from_camera(photo, 2050.0) == pytest.approx(0.2)


def test_twice_the_focal_length_away_things_are_as_large_on_the_sensor(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.jpg", FocalLength=100.0, FocalPlaneXResolution=2000.0, FocalPlaneResolutionUnit=3)
    assert scale_from_camera(photo, 200.0) == pytest.approx(0.005)
    with pytest.raises(FissuraError, match=r"^distance: 100 mm is no more than .*focal length"):
        scale_from_camera(photo, 100.0)


@pytest.mark.parametrize(("film_mm", "agrees"), [(48, True), (52, True), (100, False), (25, False)])
def test_exif_that_contradicts_itself_is_refused(film_mm: int, agrees: bool, tmp_path: Path) -> None:
    """60 px on 36 mm of sensor, as a camera has them; twice as much or half is zoomed, cut or made smaller."""
    sensor = {"FocalLength": 50.0, "FocalPlaneXResolution": 60 / 36, "FocalPlaneResolutionUnit": 4}
    photo = saved(tmp_path / "a.jpg", **sensor, FocalLengthIn35mmFilm=film_mm)
    if agrees:
        assert scale_from_camera(photo, 1050.0) == pytest.approx(1000 / 50 * 0.6)
        return
    with pytest.raises(FissuraError, match=r"a\.jpg: its EXIF contradicts itself"):
        scale_from_camera(photo, 1050.0)


def test_square_photographs_of_the_cameras_own_are_taken(tmp_path: Path) -> None:
    """Cut out of 6000 x 4000 px on 36 mm: a third of the diagonal is gone, and the lens is the same."""
    sensor = {"FocalLength": 35.0, "FocalPlaneXResolution": 60 / 36, "FocalPlaneResolutionUnit": 4}
    photo = saved(tmp_path / "a.jpg", (40, 40), **sensor, FocalLengthIn35mmFilm=35)
    assert scale_from_camera(photo, 1035.0) == pytest.approx(1000 / 35 * 0.6)


def test_focal_length_at_35_mm_film(tmp_path: Path) -> None:
    # At 3:2 the diagonal rule is the width rule: 36 mm over 60 px, through a 36 mm lens, at 600 mm: 10 mm per px.
    photo = saved(tmp_path / "a.jpg", FocalLengthIn35mmFilm=36)
    assert scale_from_camera(photo, 600.0) == pytest.approx(10.0)


def test_a_photograph_made_smaller_is_refused(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.jpg", FocalLengthIn35mmFilm=36, ExifImageWidth=6000, ExifImageHeight=4000)
    with pytest.raises(FissuraError, match="taken at 6000 x 4000 px and is now 60 x 40 px"):
        scale_from_camera(photo, 600.0)


def test_exif_that_tells_too_little_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="EXIF"):
        scale_from_camera(saved(tmp_path / "a.jpg", FocalLength=50.0), 600.0)
    with pytest.raises(FissuraError, match="distance"):
        scale_from_camera(saved(tmp_path / "b.jpg", FocalLengthIn35mmFilm=36), 0.0)
    (tmp_path / "c.jpg").write_text("no picture")
    with pytest.raises(UnreadablePhotoError, match=r"c\.jpg"):
        scale_from_camera(tmp_path / "c.jpg", 600.0)
