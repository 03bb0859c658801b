"""Picture files to arrays and back: every format, mode and orientation, and no surprise.

A photograph becomes ``(H, W, 3)`` uint8 RGB with its EXIF orientation applied:

1. the size in the header is checked before a pixel is decoded (decompression bombs);
2. 16-bit values are divided by 65535 (by 4095 where none is larger: 12-bit cameras; not at all where none is
   above 255), floats within [0, 1] or [0, 255] keep their meaning, any other range is stretched to the full one;
3. transparent pixels take the mean colour of the visible ones, so that no false edge appears between them;
4. grey, palette, CMYK and 1-bit become RGB; of several frames the first is taken.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.files import written_whole
from fissura.photos.dataset import Photo
from fissura.photos.opening import refuse_unless_openable

MAX_MEGAPIXELS = 64.0  # a 64-megapixel photograph is 192 MB decoded; anything larger is a mosaic
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
_HEADER_LOCK = threading.Lock()
_LONGEST_JPEG_PX = 65_500  # libjpeg writes no longer side
_LONGEST_PNG_PX = 1_000_000  # nor OpenCV's libpng
_ORIENTATION = 0x0112  # EXIF's and TIFF's tag
_UPRIGHT = {  # what undoes each orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PLANES, _BITS, _MEANING = 284, 258, 262  # TIFF's tags: planar configuration, bits per sample, photometric
_TILE_WIDTH, _TILE_LENGTH = 322, 323
# Each scan of a JPEG may cost as much as a photograph, and ten bytes are one ("Two Issues with the JPEG Standard",
# libjpeg-turbo); encoders write some ten at most. Behind the marker stands the length of the scan's header.
_SCAN, _MOST_SCANS = re.compile(rb"\xff\xda\x00[\x08\x0a\x0c\x0e]"), 100
_STRIP_ROWS = 256  # blended at once, for photographs are large
_DEEP_COLOURS = ("RGB;16", "RGBX;16", "RGBA;16", "LA;16")  # Pillow's names of what it would cut to the high byte


def read_photo(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Decode one photograph, the right way up.

    Args:
        path: a JPEG, PNG, TIFF, WebP or BMP file.
        max_megapixels: the largest picture to decode, in millions of pixels. Pillow's own limit of about
            179 megapixels holds besides.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        UnreadablePhotoError: if it cannot be decoded whole, or is larger than ``max_megapixels``.

    Example:
        >>> photo = read_photo(Path("wall.jpg"))  # doctest: +SKIP
        >>> photo.shape, photo.dtype  # doctest: +SKIP
        ((480, 320, 3), dtype('uint8'))
    """
    return _decode(path, max_megapixels, transparent_is_black=False)


def read_mask(
    path: Path, shape: tuple[int, int] | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> NDArray[np.bool_]:
    """Decode one mask: crack where the grey value is above 127 of 255; transparent is no crack.

    Args:
        path: the mask's picture file.
        shape: (height, width) in pixels of its photograph, where the two must agree.
        max_megapixels: as for `read_photo`.

    Returns:
        ``(H, W)`` bool, True where there is crack.

    Raises:
        UnreadablePhotoError: if it cannot be decoded, or is of another size than ``shape``.
    """
    rgb = _decode(path, max_megapixels, transparent_is_black=True)
    if shape is not None and rgb.shape[:2] != tuple(shape):
        sizes = f"the mask is {rgb.shape[1]} x {rgb.shape[0]} px, its photograph {shape[1]} x {shape[0]} px"
        raise UnreadablePhotoError(f"{path}: {sizes}; export the mask at the photograph's own size")
    mask: NDArray[np.bool_] = np.asarray(Image.fromarray(rgb).convert("L")) > 127
    return mask


def read_truth(photo: Photo, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Give what is known of where the crack is: the mask, or none at all on an uncracked photograph.

    Args:
        photo: of a data set.
        shape: its (height, width) in pixels.

    Returns:
        ``(H, W)`` bool, True where there is crack; None where nothing is known.

    Raises:
        UnreadablePhotoError: as `read_mask`, or if the mask is empty though the photograph is labelled cracked.
    """
    if photo.mask is None:
        return np.zeros(shape, bool) if photo.label == "uncracked" else None
    mask = read_mask(photo.mask, shape)
    if photo.label == "cracked" and not mask.any():
        raise UnreadablePhotoError(
            f"{photo.mask}: is empty, though its photograph is labelled cracked; masks hold 255 where there is crack"
        )
    return mask


def save_image(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture as PNG or JPEG, as the suffix says; never half-written.

    Args:
        path: ends in ``.png``, ``.jpg`` or ``.jpeg``; a picture too long for JPEG is made smaller for it.
        image: ``(H, W, 3)`` RGB or ``(H, W)`` grey, uint8.

    Raises:
        FissuraError: if the suffix is another one, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".png", ".jpg", ".jpeg"}:
        raise FissuraError(f"{path}: pictures are written as PNG or JPEG; end the name in .png or .jpg")
    with written_whole(path) as temporary:
        if suffix == ".png" and max(image.shape) > _LONGEST_PNG_PX:
            Image.fromarray(image).save(temporary, format="PNG", compress_level=1)
        elif suffix == ".png":
            # OpenCV's PNG takes half the time of Pillow's fastest one, and less room.
            _, content = cv2.imencode(".png", image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            temporary.write_bytes(content.tobytes())
        else:
            picture = Image.fromarray(image)
            picture.thumbnail((_LONGEST_JPEG_PX, _LONGEST_JPEG_PX))
            picture.save(temporary, format="JPEG", quality=92)


def _decode(path: Path, max_megapixels: float, *, transparent_is_black: bool) -> NDArray[np.uint8]:
    """Decode to ``(H, W, 3)`` uint8, ending every failure as an `UnreadablePhotoError`."""
    refuse_unless_openable(path)
    try:
        if not path.is_file() and not path.is_dir() and path.exists():
            raise UnreadablePhotoError(f"{path}: is no file; name a photograph")  # a pipe would never end
        # Given a name, Pillow maps a TIFF into memory as wide as it is high once turned, which shears it.
        with path.open("rb") as file, _opened(path, file, max_megapixels) as image:
            return _rgb(_upright(path, image), transparent_is_black)
    except UnreadablePhotoError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind there is
        raise UnreadablePhotoError(f"{path}: {_reason(path, error)}") from error


def _opened(path: Path, file: BinaryIO, max_megapixels: float) -> ImageFile.ImageFile:
    """Open a file and read no more than its header, refusing one too large to decode."""
    try:
        # Our own limit and errors speak below; the lock is there because warning filters are shared by all threads.
        with _HEADER_LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        why = "has more than 178 megapixels, and no limit may be higher"
        raise UnreadablePhotoError(f"{path}: {why}; cut it into tiles, or give it to segment-raster") from error
    tile = _tag(image, _TILE_WIDTH, 0) * _tag(image, _TILE_LENGTH, 0)  # px of a TIFF's, which are decoded whole
    megapixels = max(image.width * image.height, tile) / 1e6
    if megapixels > max_megapixels:
        image.close()
        raise UnreadablePhotoError(
            f"{path}: has {megapixels:.1f} megapixels, the limit is {max_megapixels:g}; cut it into tiles, or raise "
            "max_megapixels where the verb has it"
        )
    if image.format in {"JPEG", "MPO"} and len(_SCAN.findall(path.read_bytes())) > _MOST_SCANS:
        image.close()
        raise UnreadablePhotoError(f"{path}: has over {_MOST_SCANS} scans, which take minutes; save it anew as PNG")
    return image


def _upright(path: Path, image: ImageFile.ImageFile) -> Image.Image:
    """Decode a picture whole and turn it the right way up, 16-bit colours brought to 8 bits."""
    if _tag(image, _PLANES) == 2 and max(_tag(image, _BITS, (8,))) > 8:
        why = "has 16-bit colours in separate planes, which cannot be read"
        raise UnreadablePhotoError(f"{path}: {why}; convert it to 8-bit PNG")
    raw_modes = [tile.args if isinstance(tile.args, str) else str((tile.args or [""])[0]) for tile in image.tile]
    is_deep = any(raw_mode.startswith(_DEEP_COLOURS) for raw_mode in raw_modes)
    orientation = 1 if image.format == "TIFF" else _orientation(image)  # whoever decodes a TIFF turns it
    image.load()
    decoded = _deep_colours(path) if is_deep else image
    return decoded.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else decoded


def _orientation(image: Image.Image) -> int:
    """Read this tag of EXIF or XMP alone, for an odd one beside it shall keep no photograph out; 1 if it has none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # as of decoders, of every kind
        return 1


def _deep_colours(path: Path) -> Image.Image:
    """Decode 16-bit colours by OpenCV, which keeps their low bytes; it takes cut files, which Pillow has refused."""
    values = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)  # (H, W, 3 or 4) BGR(A)
    if values is None or values.ndim != 3:
        raise ValueError("its 16-bit colours cannot be decoded")
    colours = _to_8_bit(values[:, :, 2::-1])  # (H, W, 3)
    if values.shape[2] == 3:
        return Image.fromarray(colours)
    return Image.fromarray(np.dstack([colours, _to_8_bit(values[:, :, 3])]))


def _tag(image: Image.Image, number: int, otherwise: Any = None) -> Any:
    return getattr(image, "tag_v2", {}).get(number, otherwise)


def _rgb(image: Image.Image, transparent_is_black: bool) -> NDArray[np.uint8]:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _to_8_bit(np.asarray(image))
        if _tag(image, _MEANING) == 0:  # white is zero
            grey = 255 - grey
        if "transparency" not in image.info:
            return np.repeat(grey[:, :, None], 3, axis=2)  # (H, W, 3)
        opaque = np.asarray(image) != image.info["transparency"]
        image = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(opaque.astype(np.uint8) * 255)])
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))  # (H, W, 4)
    if rgba[:, :, 3].min() == 255:
        return rgba[:, :, :3].copy()
    strips = [slice(top, top + _STRIP_ROWS) for top in range(0, len(rgba), _STRIP_ROWS)]
    parts = (_colour_and_alpha(rgba[strip]) for strip in strips)
    sums = np.array([[*(colour * alpha).sum(axis=(0, 1), dtype=np.float64), alpha.sum()] for colour, alpha in parts])
    *seen, visible = sums.sum(axis=0)
    ground = np.zeros(3) if transparent_is_black or not visible else np.array(seen) / visible
    rgb = np.empty((*rgba.shape[:2], 3), np.uint8)
    for strip in strips:
        colour, alpha = _colour_and_alpha(rgba[strip])
        rgb[strip] = np.rint(colour * alpha + ground * (1 - alpha))
    return rgb


def _colour_and_alpha(rgba: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Part ``(h, w, 4)`` uint8 into ``(h, w, 3)`` and ``(h, w, 1)``, the latter in [0, 1]."""
    return rgba[:, :, :3].astype(np.float32), rgba[:, :, 3:].astype(np.float32) / np.float32(255)


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale grey values or colours of more than 8 bits; the rule stands at the head of this file."""
    if values.dtype == np.uint16:  # by a table, for photographs are large
        most = next(most for most in (255, 4095, 65535) if values.max() <= most)
        scale = np.rint(np.clip(np.arange(65536) * (255.0 / most), 0, 255)).astype(np.uint8)
        table: NDArray[np.uint8] = scale[values]
        return table
    grey = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(grey)
    if not finite.any():
        raise ValueError("no pixel holds a number")
    low, high = float(grey[finite].min()), float(grey[finite].max())
    tops = (1.0, 255.0) if np.issubdtype(values.dtype, np.floating) else (255.0, 4095.0, 65535.0)
    top = next((top for top in tops if low >= 0 and high <= top), None)
    if top is None:
        grey, top = grey - low, (high - low) or 1.0
    scaled = np.where(finite, grey, 0.0) * (255.0 / top)
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file; check the spelling"
    if isinstance(error, MemoryError):
        return "is too large for the free memory; cut it into parts"
    if isinstance(error, IsADirectoryError) and os.access(path, os.R_OK | os.X_OK):
        return "is a folder, not a photograph; name the photographs in it"
    if isinstance(error, (PermissionError, IsADirectoryError)):
        return "may not be read (permission denied); change its permissions"
    if isinstance(error, UnidentifiedImageError):
        if path.stat().st_size == 0:
            return "is empty (0 bytes); copy it again from where it came from"
        return "is no JPEG, PNG, TIFF, WebP or BMP that can be read; convert it to 8-bit PNG, or remove it"
    if isinstance(error, UnicodeEncodeError):
        return "has a name that this locale cannot say; set a UTF-8 one, such as LC_ALL=C.UTF-8"
    detail = " ".join(str(error).split()) or type(error).__name__
    return f"is damaged ({detail}); copy it again from where it came from, or remove it"
