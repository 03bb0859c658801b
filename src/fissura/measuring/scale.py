"""The scale of a photograph: how many millimetres of surface one pixel covers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from fissura.errors import FissuraError, UnreadablePhotoError

_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # of FocalPlaneResolutionUnit: inch, cm, mm, micrometre
_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
# Cameras round focal lengths at 35 mm film to whole mm, crop factors to 1.5 or 1.6, and keep both when they take 16:9
# out of 3:2: together under a tenth. Zooming and making smaller are mostly by more than a fifth.
_MOST_APART = 0.15  # of a scale by the one way and by the other


def scale_from_known_length(length_mm: float, point_a: tuple[float, float], point_b: tuple[float, float]) -> float:
    """Find the scale from something of known length in the photograph: a rule, a brick, a target.

    It holds where the surface is seen squarely and the thing lies on it.

    Args:
        length_mm: its true length, in mm.
        point_a: x and y of its one end, in px.
        point_b: x and y of its other end, in px.

    Returns:
        Millimetres per pixel.

    Raises:
        FissuraError: if the length is not above 0, or the points are the same.

    Example:
        >>> scale_from_known_length(300.0, (100.0, 200.0), (700.0, 1000.0))
        0.3
    """
    if not (math.isfinite(length_mm) and length_mm > 0):
        raise FissuraError(f"known length: {length_mm:g} mm is no length; give one above 0")
    distance_px = math.dist(point_a, point_b)
    if not (math.isfinite(distance_px) and distance_px > 0):
        raise FissuraError("known length: its two ends are the same point; give two points apart from each other")
    return length_mm / distance_px


def scale_from_camera(photo: Path, distance_mm: float) -> float:
    """Find the scale from the camera's lens, as EXIF tells it, and its distance from the surface.

    A thin lens of focal length f, focused on a surface that it sees squarely at the distance d, makes it f / (d - f)
    times as large on the sensor (E. Hecht, "Optics", section 5.2.3). The sensor's pixel pitch comes from the focal
    plane's resolution where EXIF has it, else from the focal length equivalent at 35 mm film, taken as CIPA DCG-001
    defines it: by the diagonal of the picture. Where EXIF has both they must agree: they do not after digital zoom,
    nor where the photograph was cut or made smaller and says nothing of it. Square photographs are taken as they are.

    Args:
        photo: the photograph's file, as the camera wrote it: neither cut nor made smaller.
        distance_mm: from the lens to the surface, in mm.

    Returns:
        Millimetres per pixel.

    Raises:
        FissuraError: if the distance is not above 0 and the focal length, or EXIF does not tell enough or
            contradicts itself.
        UnreadablePhotoError: if the file cannot be opened as a picture.
    """
    if not (math.isfinite(distance_mm) and distance_mm > 0):
        raise FissuraError(f"distance: {distance_mm:g} mm is no distance; give one above 0")
    try:
        with Image.open(photo) as image:
            size = image.size
            exif = dict(image.getexif().get_ifd(ExifTags.IFD.Exif))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadablePhotoError(f"{photo}: cannot be opened as a picture; check the file") from error
    _check_whole(photo, size, exif)
    focal_mm = _number(exif, ExifTags.Base.FocalLength)
    if distance_mm <= focal_mm:
        raise FissuraError(f"distance: {distance_mm:g} mm is no more than {photo}'s focal length; give it in mm")
    beyond_mm = distance_mm - focal_mm
    by_sensor = beyond_mm * _pixel_pitch(exif) / focal_mm if focal_mm else 0.0
    film_mm = _number(exif, ExifTags.Base.FocalLengthIn35mmFilm)
    by_film = beyond_mm * _FULL_FRAME_DIAGONAL_MM / film_mm / math.hypot(*size) if film_mm else 0.0
    if not by_sensor and not by_film:
        raise FissuraError(
            f"{photo}: its EXIF tells neither a focal length with the sensor's resolution nor one at 35 mm film; "
            "give the scale, or a known length, instead"
        )
    # A camera set to square photographs cuts the sides off, which no rounding makes up for.
    is_square = size[0] == size[1]
    if by_sensor and by_film and not is_square and abs(math.log(by_sensor / by_film)) > _MOST_APART:
        raise FissuraError(
            f"{photo}: its EXIF contradicts itself, as after digital zoom or where it was cut or made smaller; "
            "use the camera's own file, or give the scale, or a known length"
        )
    return by_sensor or by_film


def _check_whole(photo: Path, size: tuple[int, int], exif: dict[int, Any]) -> None:
    taken = _number(exif, ExifTags.Base.ExifImageWidth), _number(exif, ExifTags.Base.ExifImageHeight)
    if all(taken) and sorted(taken) != sorted(float(side) for side in size):
        raise FissuraError(
            f"{photo}: was taken at {taken[0]:.0f} x {taken[1]:.0f} px and is now {size[0]} x {size[1]} px; "
            "use the camera's own file, or give the scale"
        )


def _pixel_pitch(exif: dict[int, Any]) -> float:
    per_unit = _number(exif, ExifTags.Base.FocalPlaneXResolution)
    unit = int(_number(exif, ExifTags.Base.FocalPlaneResolutionUnit) or 2)
    return _MM_PER_UNIT.get(unit, 0.0) / per_unit if per_unit else 0.0


def _number(exif: dict[int, Any], tag: int) -> float:
    """Read a number; 0 where it is absent, or as cameras write it for "unknown"."""
    try:
        number = float(exif.get(tag, 0))
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
