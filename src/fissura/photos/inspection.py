"""Looking through a data set before anything learns from it: what is there, and what would mislead."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fissura.errors import UnreadablePhotoError
from fissura.files import as_text
from fissura.photos.dataset import DataSet, Photo
from fissura.photos.decoding import read_mask, read_photo
from fissura.photos.duplicates import digest, equal_keys, near_pairs, perceptual_hash, thumbnail
from fissura.photos.findings import association, findings

_THREADS = min(4, os.cpu_count() or 1)  # decoding releases the GIL; each thread may hold one large photograph


@dataclass(frozen=True)
class Inspection:
    """What `inspect_data` saw.

    Attributes:
        photos: one row per photograph, in the data set's order, with the columns ``photo`` (path), ``label``,
            ``source``, ``group``, ``split``, ``width_px``, ``height_px``, ``has_mask``, ``crack_fraction``
            (share of the mask that is crack, 0 to 1), ``two_tone`` (it holds two values only, as masks do),
            ``problem`` and ``mask_problem`` (empty where none).
        exact_duplicates: files with the same bytes, in groups of two and more.
        near_duplicates: pairs of different files that show the same picture.
        label_told_by: how well ``"source"`` and ``"size"`` alone tell the label, from 0 (not at all) to 1
            (always): see `association`.
        warnings: what would mislead training or scoring, in plain language, each with its mend.
    """

    photos: pd.DataFrame
    exact_duplicates: tuple[tuple[Path, ...], ...]
    near_duplicates: tuple[tuple[Path, Path], ...]
    label_told_by: dict[str, float]
    warnings: tuple[str, ...]

    @property
    def counts(self) -> pd.DataFrame:
        """Photographs per split, source (rows) and label (columns), unreadable ones among them."""
        split, label = self.photos["split"].fillna("none"), self.photos["label"].fillna("unlabelled")
        return pd.crosstab([split, self.photos["source"]], label)

    @property
    def sizes(self) -> pd.DataFrame:
        """Photographs per size: the columns ``width_px``, ``height_px``, ``photos``, the commonest first."""
        sizes = self.photos.dropna(subset=["width_px"]).value_counts(["width_px", "height_px"])
        return sizes.rename("photos").reset_index()

    @property
    def unreadable(self) -> dict[str, str]:
        """The photographs that cannot be decoded: path -> what is wrong and the mend."""
        broken = self.photos[self.photos["problem"] != ""]
        return dict(zip(broken["photo"], broken["problem"], strict=True))

    def to_json(self) -> str:
        """Give everything as one JSON object, the photographs as a list of records."""
        return json.dumps(
            {
                "warnings": self.warnings,
                "counts": json.loads(self.counts.reset_index().to_json(orient="records")),
                "sizes": json.loads(self.sizes.to_json(orient="records")),
                "label_told_by": self.label_told_by,
                "exact_duplicates": [[as_text(path) for path in group] for group in self.exact_duplicates],
                "near_duplicates": [[as_text(path) for path in pair] for pair in self.near_duplicates],
                "photos": json.loads(self.photos.to_json(orient="records")),
            },
            indent=2,
        )


def inspect_data(data: DataSet, progress: Callable[[int, int], None] | None = None) -> Inspection:
    """Decode every photograph and mask once, and say what is there and what would mislead.

    Args:
        data: the photographs; one that cannot be decoded is listed and never ends the inspection.
        progress: called with (photographs done, photographs in all) after each one.

    Example:
        >>> from fissura.photos import load_data
        >>> seen = inspect_data(load_data(Path("my-photos")))  # doctest: +SKIP
        >>> print(seen.counts, seen.warnings)  # doctest: +SKIP
    """
    looks: list[_Look] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for look in pool.map(_look, data.photos):
            looks.append(look)
            if progress is not None:
                progress(len(looks), len(data))
    finally:
        pool.shutdown(cancel_futures=True)  # so that Ctrl-C does not wait for the rest

    exact = equal_keys(look.digest or f"unread {place}" for place, look in enumerate(looks))
    copies = {place for group in exact for place in group[1:]}
    pictures = {
        place: look.picture for place, look in enumerate(looks) if look.picture is not None and place not in copies
    }
    places = list(pictures)
    pairs = near_pairs([p.hash for p in pictures.values()], [p.thumbnail for p in pictures.values()])
    near = [(places[i], places[j]) for i, j in pairs]

    table = _table(data, looks)
    size = table["width_px"].astype(str) + " x " + table["height_px"].astype(str)
    told = {
        "source": association(table["label"], table["source"]),
        "size": association(table["label"], size[table["problem"] == ""]),
    }
    paths = [photo.path for photo in data]
    return Inspection(
        photos=table,
        exact_duplicates=tuple(tuple(paths[place] for place in group) for group in exact),
        near_duplicates=tuple((paths[i], paths[j]) for i, j in near),
        label_told_by=told,
        warnings=tuple(findings(table, exact, near, told)),
    )


@dataclass(frozen=True)
class _Picture:
    """What is kept of a decoded photograph to compare it with others."""

    height_px: int
    width_px: int
    hash: NDArray[np.bool_]  # (64,)
    thumbnail: NDArray[np.uint8]  # (64, 64)
    two_tone: bool


@dataclass(frozen=True)
class _Look:
    """What one look at one photograph and its mask gave."""

    digest: str = ""
    picture: _Picture | None = None
    crack_fraction: float | None = None
    problem: str = ""
    mask_problem: str = ""


def _look(photo: Photo) -> _Look:
    try:
        pixels = read_photo(photo.path)
        bytes_told = digest(photo.path)
    except (UnreadablePhotoError, OSError) as error:  # OSError: gone or locked since it was decoded
        return _Look(problem=as_text(str(error)))
    height, width = pixels.shape[:2]
    low, high = pixels.min(), pixels.max()
    is_candidate = low < high and len(np.unique(pixels[::16, ::16])) <= 2  # hardly any photograph is
    two_tone = bool(is_candidate and ((pixels == low) | (pixels == high)).all())
    picture = _Picture(height, width, perceptual_hash(pixels), thumbnail(pixels), two_tone)
    if photo.mask is None:
        return _Look(bytes_told, picture)
    try:
        mask = read_mask(photo.mask, (height, width))
    except UnreadablePhotoError as error:
        return _Look(bytes_told, picture, mask_problem=as_text(str(error)))
    return _Look(bytes_told, picture, crack_fraction=float(mask.mean()))


def _table(data: DataSet, looks: list[_Look]) -> pd.DataFrame:
    pictures = [look.picture for look in looks]
    return pd.DataFrame(
        {
            "photo": pd.Series([as_text(photo.path) for photo in data], dtype="str"),
            "label": pd.Series([photo.label for photo in data], dtype="str"),
            "source": pd.Series([photo.source for photo in data], dtype="str"),
            "group": pd.Series([photo.group for photo in data], dtype="str"),
            "split": pd.Series([photo.split for photo in data], dtype="str"),
            "width_px": pd.Series([p and p.width_px for p in pictures], dtype="Int64"),
            "height_px": pd.Series([p and p.height_px for p in pictures], dtype="Int64"),
            "has_mask": pd.Series([photo.mask is not None for photo in data], dtype="bool"),
            "crack_fraction": pd.Series([look.crack_fraction for look in looks], dtype="float64"),
            "two_tone": pd.Series([p is not None and p.two_tone for p in pictures], dtype="bool"),
            "problem": pd.Series([look.problem for look in looks], dtype="str"),
            "mask_problem": pd.Series([look.mask_problem for look in looks], dtype="str"),
        }
    )
