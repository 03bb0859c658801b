"""COCO instance segmentation: JSON with one annotation per crack, its mask as a compressed run-length code.

The code, as pycocotools defines it: the mask is read column by column; the lengths of the runs of background
and crack by turns are given, from the third on as the difference to the last but one, in groups of five bits
from the lowest, each in a character from "0" on, with bit 5 set where another group follows and the sign in
bit 4 of the last. A polygon is a list x1, y1, x2, y2, ... where the upper left pixel's corner is (0, 0).

Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as pycoco

from fissura.errors import FissuraError
from fissura.exchanging.correction import Correction, Shape, crack_labels, require_size
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.files import written_whole

# Rasterising takes memory by a polygon's outline; no hand draws one of this length.
_MAX_OUTLINE_PX = 2e6


def write_coco(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write COCO JSON: one category ``crack``, one annotation per crack, one image per photograph.

    An annotation's ``attributes`` hold the crack's measurements, named and in the units of
    `fissura.measuring.crack_table`, and ``score`` its confidence; what is not known is left out.

    Raises:
        FissuraError: if the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    separator, count = "\n", 0
    with written_whole(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"info": {"description": "Cracks, written by Fissura"},\n')
        file.write('"categories": [{"id": 1, "name": "crack", "supercategory": "damage"}],\n"annotations": [')
        for photo in photos:
            measurement = photo.measurement
            size = {"height": measurement.height_px, "width": measurement.width_px}
            images.append({"id": len(images) + 1, "file_name": photo.name, **size})
            for annotation in _annotations(photo):
                count += 1
                file.write(separator + json.dumps({"id": count, "image_id": len(images), **annotation}))
                separator = ",\n"
        file.write('\n],\n"images": ' + json.dumps(images) + "}\n")


def read_coco(source: Path, content: dict[str, Any]) -> Iterator[Correction]:
    """List the images of a COCO file; an image without an annotation of crack has an empty mask.

    Polygons and run-length codes, compressed or not, are understood. An image with a crack that has no outline, or
    with an annotation of no category, comes out unusable: to take it for uncracked would be wrong.

    Args:
        source: the file, for messages.
        content: what is in it.

    Raises:
        FissuraError: if the file is not laid out as COCO is, two of its images have one id, or none of its
            categories is crack.
    """
    try:
        names = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
        chosen = crack_labels(source, names.values())
        of_image: dict[object, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
        if len(of_image) < len(content["images"]):
            raise FissuraError(f"{source}: two of its images have one id; give each its own")
        for annotation in content["annotations"]:
            if annotation["category_id"] not in names or names[annotation["category_id"]] in chosen:
                of_image[annotation["image_id"]].append(annotation)
        corrections = [
            Correction(str(i["file_name"]), partial(_mask, i, of_image[i["id"]], names)) for i in content["images"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise FissuraError(
            f"{source}: is not laid out as COCO is ({type(error).__name__}: {error}); export it again as COCO 1.0"
        ) from error
    yield from corrections


def _annotations(photo: PhotoCracks) -> Iterator[dict[str, Any]]:
    labels = photo.measurement.labels
    facts = photo.measurement.table().to_dict("records")
    for crack, row, counts in zip(photo.measurement.cracks, facts, _run_lengths(labels), strict=True):
        code = pycoco.frPyObjects({"size": list(labels.shape), "counts": counts}, *labels.shape)
        known = {name: value for name, value in row.items() if value == value and value is not None}
        annotation = {
            "category_id": 1,
            "iscrowd": 0,
            "bbox": list(crack.box_px),
            "area": crack.area_px,
            "segmentation": {"size": list(labels.shape), "counts": code["counts"].decode("ascii")},
            "attributes": known,
        }
        yield annotation if crack.confidence is None else {**annotation, "score": crack.confidence}


def _run_lengths(labels: NDArray[np.int32]) -> Iterator[list[int]]:
    """Give each crack's runs of background and crack by turns, in the order of their numbers.

    Only the cracks' own pixels are looked at, so that many cracks on a large photograph cost no more than few.
    """
    by_column = labels.ravel(order="F")
    pixels = np.flatnonzero(by_column)
    numbers = by_column[pixels]
    order = np.argsort(numbers, kind="stable")
    for own in np.split(pixels[order], np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(own):
            breaks = np.flatnonzero(np.diff(own) > 1) + 1
            starts, ends = own[np.r_[0, breaks]], own[np.r_[breaks - 1, len(own) - 1]] + 1
            edges = np.stack([starts, ends], axis=1).ravel()
            yield np.diff(np.r_[0, edges, labels.size]).tolist()


def _mask(
    image: dict[str, Any], annotations: list[dict[str, Any]], names: Container[object], shape: Shape
) -> NDArray[np.bool_]:
    require_size(image.get("height", shape[0]), image.get("width", shape[1]), shape)
    mask = np.zeros(shape, np.bool_)
    for annotation in annotations:
        if annotation["category_id"] not in names:
            raise ValueError("it has an annotation of a category that the file does not name; name it")
        shapes = annotation.get("segmentation")
        if not shapes:
            raise ValueError("it has a crack without an outline, such as a box only; draw its outline")
        if isinstance(shapes, dict):
            height, width = shapes["size"]
            require_size(height, width, shape)
            counts = shapes["counts"]
            mask |= _fill(_uncompressed(counts) if isinstance(counts, str) else counts, shape)
        else:
            crack = np.zeros(shape, np.bool_)
            for polygon in shapes:
                crack |= _rasterised(polygon, shape)
            if not crack.any():
                raise ValueError("it has a crack whose outline holds no pixel; draw it wider, or take it out")
            mask |= crack
    return mask


def _uncompressed(code: str) -> list[int]:
    counts: list[int] = []
    value = shift = 0
    for letter in code.encode("ascii"):
        group = letter - 48
        if not 0 <= group < 64 or shift > 50:
            raise ValueError("its run-length code is damaged")
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def _fill(counts: list[int], shape: Shape) -> NDArray[np.bool_]:
    lengths = np.asarray(counts, np.int64)
    total = math.prod(shape)
    if lengths.ndim != 1 or (lengths < 0).any() or (lengths > total).any() or lengths.sum() != total:
        raise ValueError(f"its run-length code does not fill {shape[1]} x {shape[0]} px")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(shape, order="F")


def _rasterised(polygon: list[float], shape: Shape) -> NDArray[np.bool_]:
    corners = np.asarray(polygon, np.float64)
    if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2 or not np.isfinite(corners).all():
        raise ValueError("one of its polygons is no list of three or more corners")
    points = corners.reshape(-1, 2)
    # From the picture's corner and back, for a short outline far away takes long runs too.
    if sum(math.dist(a, b) for a, b in pairwise([(0, 0), *points, points[0]])) > _MAX_OUTLINE_PX:
        raise ValueError("one of its polygons has an absurdly long outline, or lies absurdly far away")
    (code,) = pycoco.frPyObjects([corners.tolist()], *shape)
    return _fill(_uncompressed(code["counts"].decode("ascii")), shape)
