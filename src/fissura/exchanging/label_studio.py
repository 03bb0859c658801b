"""Label Studio's brush regions: JSON tasks whose masks are run-length codes of RGBA pixels.

The code is that of @thi.ng/rle-pack, bits from the highest of each byte: 32 for the count of values (four to a
pixel), 5 for the bits of a value less one, 4 x 4 for the bits of four sizes of count, less one. Then, until all
values are told: 1 bit that says whether one value is repeated, 2 for which size, the count less one in as many
bits, and the value once, or every value. The mask is the alpha channel, row by row.

Formats: https://labelstud.io/guide/task_format, https://labelstud.io/tags/brushlabels
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.exchanging.correction import Correction, Shape, crack_labels, require_size
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.files import written_whole

_LOCAL_FILES = "/data/local-files/?d="  # how Label Studio addresses its local file storage
_SIZES = (3, 4, 8, 16)
_SHAPES = frozenset({"rle", "points", "vertices", "x", "imageDataURL"})  # what the value of a drawn region holds


def write_label_studio(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write tasks for Label Studio with the masks as predictions, one brush region per photograph.

    The labelling interface that they fit is::

        <View><Image name="image" value="$image"/>
        <BrushLabels name="label" toName="image"><Label value="crack"/></BrushLabels></View>

    Photographs are addressed by their names in Label Studio's local file storage.

    Raises:
        FissuraError: if the file cannot be written.
    """
    separator = "[\n"
    with written_whole(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        for photo in photos:
            prediction = {"model_version": "fissura", "result": _result(photo)}
            task = {"data": {"image": _LOCAL_FILES + quote(photo.name)}, "predictions": [prediction]}
            file.write(separator + json.dumps(task))
            separator = ",\n"
        file.write("\n]\n")


def read_label_studio(source: Path, content: list[Any]) -> Iterator[Correction]:
    """List the tasks of Label Studio's JSON export, each with its latest annotation.

    Predictions are not read: nobody has looked at them. A task whose annotation has no crack has an empty mask,
    unless a choice says cracked, or a region has no label; such a one, and one that was never submitted, or was
    skipped, comes out unusable.

    Args:
        source: the file, for messages.
        content: what is in it.

    Raises:
        FissuraError: if the file is not laid out as Label Studio's, or none of its labels is crack.
    """
    try:
        tasks = [(_name(task), _latest(task)) for task in content]
        regions = [region for _, results in tasks for region in results or []]
        chosen = crack_labels(source, {label for region in regions for label in _labels(region)})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FissuraError(
            f"{source}: is not laid out as Label Studio's tasks are ({type(error).__name__}: {error}); export as JSON"
        ) from error
    for name, results in tasks:
        yield Correction(name, partial(_mask, results, chosen))


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """Write a mask as Label Studio's run-length code.

    Args:
        mask: ``(H, W)`` bool, at least one pixel.

    Returns:
        The code's bytes, each 0 to 255.

    Example:
        >>> encode_brush(np.array([[True]]))
        [0, 0, 0, 4, 57, 27, 252, 127, 224]
    """
    pixels = mask.ravel()
    starts = np.r_[0, np.flatnonzero(pixels[1:] != pixels[:-1]) + 1]
    lengths = np.diff(np.r_[starts, len(pixels)]) * 4  # all four channels alike
    bits = [f"{pixels.size * 4:032b}{8 - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for is_crack, length in zip(pixels[starts].tolist(), lengths.tolist(), strict=True):
        value = "11111111" if is_crack else "00000000"
        for begun in range(0, length, 1 << _SIZES[-1]):
            count = min(length - begun, 1 << _SIZES[-1])
            which = next(index for index, size in enumerate(_SIZES) if count <= 1 << size)
            bits.append(f"1{which:02b}{count - 1:0{_SIZES[which]}b}{value}")
    digits = np.frombuffer("".join(bits).encode("ascii"), np.uint8)
    return np.packbits(digits == ord("1")).tolist()


def decode_brush(code: list[int], shape: Shape) -> NDArray[np.bool_]:
    """Read a mask from Label Studio's run-length code.

    Args:
        code: the code's bytes.
        shape: the mask's (height, width) in px.

    Returns:
        ``(H, W)`` bool. A pixel is crack where it is more than half as opaque as the most opaque one: the
        brush has a soft edge, and regions may be drawn half transparent.

    Raises:
        ValueError: if the code is damaged or of another size.
    """
    if not isinstance(code, list):
        raise ValueError("its run-length code is no list of bytes")
    data, total = bytes(code), shape[0] * shape[1] * 4
    position = 0

    def read(bits: int) -> int:
        nonlocal position
        end = position + bits
        if end > len(data) * 8:
            raise ValueError("its run-length code ends too early")
        window = int.from_bytes(data[position // 8 : (end + 7) // 8], "big")
        position = end
        return window >> (-end % 8) & ((1 << bits) - 1)

    count, word = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    if count != total or word != 8:
        raise ValueError(f"its run-length code tells {count} values, {shape[1]} x {shape[0]} px have {total}")
    values = np.empty(total, np.uint8)
    told = 0
    while told < total:
        repeated = read(1)
        until = told + read(sizes[read(2)]) + 1
        if until > total:
            raise ValueError("its run-length code runs over the mask's end")
        values[told:until] = read(8) if repeated else [read(8) for _ in range(told, until)]
        told = until
    alpha = values.reshape(*shape, 4)[:, :, 3]  # (H, W)
    mask: NDArray[np.bool_] = alpha > alpha.max() / 2
    return mask


def _result(photo: PhotoCracks) -> list[dict[str, Any]]:
    mask = photo.mask
    if not mask.any():
        return []
    value = {"format": "rle", "rle": encode_brush(mask), "brushlabels": ["crack"]}
    size = {"original_height": mask.shape[0], "original_width": mask.shape[1], "image_rotation": 0}
    names = {"from_name": "label", "to_name": "image", "type": "brushlabels"}
    return [{"id": "cracks", **names, **size, "value": value}]


def _name(task: dict[str, Any]) -> str:
    """Give the photograph's path as the task addresses it, without server, query and escapes."""
    address = task["data"].get("image") or next((v for v in task["data"].values() if isinstance(v, str)), None)
    if not isinstance(address, str):
        raise TypeError("a task's image is no text")
    if address.startswith(_LOCAL_FILES):  # may hold ?, # and + unescaped
        return unquote(address[len(_LOCAL_FILES) :])
    parts = urlsplit(address)
    return parse_qs(parts.query).get("d", [unquote(parts.path)])[0]


def _latest(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Give the regions of the annotation that was changed last; None where there is none."""
    valid = [a for a in task.get("annotations", []) if not a.get("was_cancelled")]
    latest = max(valid, key=lambda annotation: str(annotation.get("updated_at", "")), default=None)
    return None if latest is None else latest["result"]


def _regions(results: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Give the results of each region together: its shape, its labels, and answers about it may stand apart."""
    regions: dict[object, list[dict[str, Any]]] = {}
    for index, result in enumerate(results):
        regions.setdefault(result.get("id", index), []).append(result)
    yield from regions.values()


def _labels(region: dict[str, Any]) -> list[str]:
    """Give the labels of a region; none of an answer about the whole picture, such as a choice."""
    kind = str(region.get("type"))
    found = region.get("value", {}).get(kind, []) if kind.endswith("labels") else []
    return [str(label) for label in found] if isinstance(found, list) else []


def _is_said_to_be_cracked(results: list[dict[str, Any]]) -> bool:
    chosen = [region["value"].get("choices", []) for region in results if region.get("type") == "choices"]
    return any(str(choice).lower().startswith("crack") for choices in chosen for choice in choices)


def _mask(results: list[dict[str, Any]] | None, chosen: set[str], shape: Shape) -> NDArray[np.bool_]:
    if results is None:
        raise ValueError("nobody has annotated it; submit it, or leave it out")
    mask = np.zeros(shape, np.bool_)
    for region in _regions(results):
        labels = {label for result in region for label in _labels(result)}
        if not labels and any(_SHAPES.intersection(result.get("value", {})) for result in region):
            raise ValueError("it has a region without a label; give the region its label, or delete it")
        if not chosen.intersection(labels):
            continue
        drawn = next((result for result in region if result["value"].get("format") == "rle"), None)
        if drawn is None:
            raise ValueError(f"it has a region of type {region[0].get('type')}; draw cracks with the brush")
        if drawn.get("image_rotation"):
            raise ValueError("it was turned in Label Studio; turn it back, or turn the photograph itself")
        require_size(drawn["original_height"], drawn["original_width"], shape)
        mask |= decode_brush(drawn["value"]["rle"], shape)
    if not mask.any() and _is_said_to_be_cracked(results):
        raise ValueError("it is said to be cracked, but no crack is drawn; draw it with the brush")
    return mask
