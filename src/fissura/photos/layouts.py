"""The ways data sets lie on disk: two folders, the Kaggle collection, or a CSV manifest.

``folders``
    Photographs in folders named for their label, in any case: ``cracked``, ``crack`` or ``positive``;
    ``uncracked``, ``noncrack``, ``no_crack`` or ``negative``. They may stand under ``train/`` and ``test/``,
    and may hold subfolders.
``kaggle``
    ``train|test/{images,masks}`` (or ``{images,masks}`` alone), as in Kaggle's "Crack Segmentation Dataset":
    a name that begins with ``noncrack`` is uncracked, a mask has its photograph's stem, and the source is
    told by the name's prefix.
``csv``
    A table with the columns ``photo`` and ``label`` and, where wanted, ``mask``, ``group``, ``source`` and
    ``split``. Paths are relative to the CSV file. A folder with such a table, called ``manifest.csv``, may be
    given too, unless it has folders named for labels, or ``train|test/images``.

The group of a photograph (its parent, when it is a tile) comes from the CSV, from the column ``parent`` of a
``manifest.csv`` that lies in a Kaggle-style folder, or else from its name: see `parent_of`.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from fissura.errors import FissuraError
from fissura.files import as_text
from fissura.photos.dataset import DataSet, Label, Photo, Split
from fissura.photos.finding import photos_below

Layout = Literal["auto", "folders", "kaggle", "csv"]

LABEL_WORDS: dict[str, Label] = {
    "cracked": "cracked",
    "crack": "cracked",
    "positive": "cracked",
    "uncracked": "uncracked",
    "noncracked": "uncracked",
    "noncrack": "uncracked",
    "nocrack": "uncracked",
    "negative": "uncracked",
}
KAGGLE_SOURCES = (
    "CFD",
    "CRACK500",
    "DeepCrack",
    "Rissbilder_for_Florian",
    "Volker_DSC",
    "Sylvie_Chambon",
    "EugenMuller",
    "GAPS384",
    "cracktree200",
    "forest",
    "CONCRETE",
    "noncrack",
)
_UNDERSTOOD = (
    "folders cracked/ and uncracked/ (or positive/negative, crack/noncrack), train|test/{images,masks}, "
    "or a CSV with the columns photo,label"
)


def load_data(*roots: Path, layout: Layout = "auto") -> DataSet:
    """List the photographs of one or more data sets with their labels; nothing is decoded.

    Args:
        roots: data set folders, or CSV manifests. A folder that is itself called ``cracked`` (or any of the
            label words) may be given too.
        layout: how they are laid out; ``auto`` finds out for each.

    Returns:
        All photographs, sorted by path within each root. A photograph found twice is listed once, on the
        test side if either says so, with its mask if either has one; where only one has a mask, somebody has
        looked closely there, and its label counts.

    Raises:
        FissuraError: if a root does not exist, has no layout that is understood, or has no photographs; or
            if two roots contradict each other about a label.

    Example:
        >>> data = load_data(Path("my-photos"))  # doctest: +SKIP
        >>> len(data.cracked), len(data.uncracked)  # doctest: +SKIP
        (300, 1200)
    """
    if not roots:
        raise FissuraError(f"data: no folder given; give {_UNDERSTOOD}")
    photos: dict[Path, Photo] = {}
    for root in roots:
        for photo in _load_one(root, layout):
            key = photo.path.resolve()
            photos[key] = _joined(photos[key], photo) if key in photos else photo
    # Sources and groups, which go into tables, are named after files, whose names may be no text.
    photos = {
        key: replace(photo, source=as_text(photo.source), group=as_text(photo.group)) for key, photo in photos.items()
    }
    return DataSet(tuple(photos.values()))


def parent_of(name: str) -> str:
    """Derive the parent photograph from the name of a tile, without its suffix.

    Tiles are named for their parent and their place in it: ``<parent>_<x>_<y>`` or ``<parent>-<n>``. So:
    cut the name at its underscores, drop the words without a digit, keep the first that is left, and drop
    the trailing numbers of up to four digits if there are at least two of them. Then a last word
    ``<something ending in a digit>-<number>`` loses that number. A photograph that is no tile is its own
    parent. Two photographs wrongly taken for tiles of one only end up on the same side of a split.

    Example:
        >>> parent_of("20160222_081011_1281_721"), parent_of("noncrack_asphalt_IMG_6324_1_361")
        ('20160222_081011', '6324')
        >>> parent_of("9S6A2798_1142_1029_3162_2746"), parent_of("7Q3A9060-12"), parent_of("wall_007")
        ('9S6A2798', '7Q3A9060', '007')
    """
    words = [word for word in name.split("_") if re.search(r"\d", word)]
    if not words:
        return name
    kept = len(words)
    while kept > 1 and re.fullmatch(r"\d{1,4}", words[kept - 1]):
        kept -= 1
    if len(words) - kept >= 2:
        words = words[:kept]
    words[-1] = re.sub(r"^([^-]*\d)-\d+$", r"\1", words[-1])
    return "_".join(words)


def _joined(first: Photo, second: Photo) -> Photo:
    """Join what two roots say of one photograph."""
    looked_at = second if second.mask is not None and first.mask is None else first
    if first.label != second.label and (first.mask is None) == (second.mask is None):
        raise FissuraError(f"{second.path}: labelled {first.label} and {second.label}; leave it in one place only")
    # A correction knows neither split nor group, and takes its source from a folder's name.
    kept = min(first, second, key=lambda one: (_has_guessed_group(one), one.split is None, one.mask is not None))
    split = min(first.split, second.split, key=("test", "train", None).index)
    return replace(kept, label=looked_at.label, mask=looked_at.mask, split=split)


def _has_guessed_group(photo: Photo) -> bool:
    return photo.group.rpartition("/")[2] == parent_of(photo.path.stem)


def _load_one(root: Path, layout: Layout) -> list[Photo]:
    if not root.exists():
        raise FissuraError(f"{root}: no such file or folder; check the spelling")
    chosen = _detect(root) if layout == "auto" else layout
    read = {"folders": _read_folders, "kaggle": _read_kaggle, "csv": _read_csv}[chosen]
    try:
        photos = sorted(read(root), key=lambda photo: photo.path)
    except PermissionError as error:
        raise FissuraError(f"{error.filename}: may not be read; change its permissions") from error
    if not photos:
        raise FissuraError(f"{root}: no photographs found; put {_UNDERSTOOD} there")
    return photos


def _detect(root: Path) -> Literal["folders", "kaggle", "csv"]:
    if root.is_file() and root.suffix.lower() == ".csv":
        return "csv"
    if root.is_dir():
        if any((root / split / "images").is_dir() for split in ("train", "test")):
            return "kaggle"  # whose split and masks a manifest of labels would take away
        if (root / "images").is_dir():
            return "csv" if _labels_photos(root) else "kaggle"
        if _label_folders(root):
            return "folders"
        if (root / "manifest.csv").is_file():
            return "csv"
    raise FissuraError(f"{root}: its layout is not understood; give {_UNDERSTOOD}")


def _labels_photos(root: Path) -> bool:
    """Tell whether a manifest labels photographs by their paths, with the masks if there are any.

    One of parents alone has bare names.
    """
    if not (root / "manifest.csv").is_file():
        return False
    _, row = next(_rows(root / "manifest.csv"), (0, {}))
    is_photo = bool(row.get("photo")) and os.path.isfile(root / row["photo"])  # noqa: PTH113
    return is_photo and "label" in row and ("mask" in row or not (root / "masks").is_dir())


def _label_folders(root: Path) -> list[tuple[Path, Label, Split | None]]:
    """Find the folders named for a label; the root itself is one only if none below it says otherwise."""
    own = _label_of(root.resolve().name)
    below = list(_label_folders_below(root))
    return below if own is None or any(label != own for _, label, _ in below) else [(root, own, None)]


def _label_folders_below(root: Path) -> Iterator[tuple[Path, Label, Split | None]]:
    splits: tuple[Split | None, ...] = (None, "train", "test")
    for split in splits:
        parent = root / split if split else root
        if parent.is_dir():
            for folder in sorted(parent.iterdir()):
                label = _label_of(folder.name)
                if folder.is_dir() and label is not None:
                    yield folder, label, split


def _read_folders(root: Path) -> Iterator[Photo]:
    folders = _label_folders(root)
    is_label = any(folder == root for folder, _, _ in folders)
    source = (root.resolve().parent if is_label else root.resolve()).name
    for folder, label, split in folders:
        for path in photos_below(folder):
            below = path.relative_to(folder)
            if {"mask", "masks"} & {part.lower() for part in below.parts[:-1]}:
                raise FissuraError(
                    f"{path.parent}: masks among the photographs, which would be taken for {label} ones; "
                    f"move them out of {folder}"
                )
            parent = below.with_name(parent_of(path.stem)).as_posix()
            yield Photo(path, label, None, source, f"{source}/{parent}", split)


def _read_kaggle(root: Path) -> Iterator[Photo]:
    parents = _parents(root / "manifest.csv")
    splits: tuple[Split, ...] = ("train", "test")
    parts: list[tuple[Path, Split | None]] = [(root / s, s) for s in splits if (root / s / "images").is_dir()]
    for part, split in parts or [(root, None)]:
        masks = {  # .png sorts after .jpg, and is the better of two
            path.relative_to(part / "masks").with_suffix(""): path for path in photos_below(part / "masks")
        }
        photos = photos_below(part / "images")
        namesakes = Counter(stem for _, stem in {(path.parent, path.stem) for path in photos})
        for path in photos:
            name = re.sub(r"^noncrack[_-]?", "", path.stem, flags=re.IGNORECASE)
            label: Label = "cracked" if name == path.stem else "uncracked"
            source, rest = _kaggle_source(name, root.resolve().name)
            parent = parents.get(path.name) or parent_of(rest)
            mask = masks.get(path.relative_to(part / "images").with_suffix(""))
            if mask is None and namesakes[path.stem] == 1:
                mask = masks.get(Path(path.stem))
            yield Photo(path, label, mask, source, f"{source}/{parent}", split)


def _kaggle_source(name: str, otherwise: str) -> tuple[str, str]:
    """Cut a name into its source and the rest, e.g. ``CFD_201`` into ``("CFD", "201")``."""
    for source in KAGGLE_SOURCES:
        pattern = source.replace("_", "_?").replace("EugenMuller", "Eugen_?Muller")
        found = re.match(rf"{pattern}_?", name, flags=re.IGNORECASE)
        if found:
            return source, name[found.end() :] or name
    return otherwise, name


def _parents(manifest: Path) -> dict[str, str]:
    """Read photo name -> parent photograph from the manifest of a Kaggle-style folder, if it has one."""
    if not manifest.is_file():
        return {}
    return {row["photo"]: row["parent"] for _, row in _rows(manifest) if row.get("photo") and row.get("parent")}


def _read_csv(root: Path) -> Iterator[Photo]:
    table = root / "manifest.csv" if root.is_dir() else root
    for line, row in _rows(table):
        where = f"{table}: line {line}"
        if not row.get("photo") or "label" not in row:
            raise FissuraError(f"{where} has no photo or no label; the header must name photo,label")
        path = table.parent / row["photo"]
        label, split = _label_of(row["label"]), row.get("split") or None
        if not os.path.isfile(path):  # noqa: PTH113 - Path's raises for a name that is too long
            raise FissuraError(f"{where} names {row['photo']}, which is not there; paths are relative to the CSV")
        if row["label"] and label is None:
            raise FissuraError(f"{where} has the label {row['label']!r}; write cracked or uncracked")
        if split not in (None, "train", "test"):
            raise FissuraError(f"{where} has the split {split!r}; write train, test, or nothing")
        mask = table.parent / row["mask"] if row.get("mask") else None
        if mask is not None and not os.path.isfile(mask):  # noqa: PTH113
            raise FissuraError(
                f"{where} names the mask {row['mask']}, which is not there; paths are relative to the CSV"
            )
        source = row.get("source") or table.resolve().parent.name
        group = row.get("group") or parent_of(path.stem)
        yield Photo(path, label, mask, source, f"{source}/{group}", cast("Split | None", split))


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV as (line number, row) with names in lower case and values stripped."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            for row in reader:
                yield (
                    reader.line_num,
                    {k.strip().lower(): v.strip() for k, v in row.items() if isinstance(k, str)},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FissuraError(f"{table}: cannot be read as a table ({error}); save it as CSV in UTF-8") from error


def _label_of(word: str) -> Label | None:
    return LABEL_WORDS.get(re.sub(r"[^a-z]", "", word.lower()))
