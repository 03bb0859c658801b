"""What a data set is: photographs with image-level labels, not yet decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, overload

from fissura.errors import FissuraError

Label = Literal["cracked", "uncracked"]
Split = Literal["train", "test"]


@dataclass(frozen=True)
class Photo:
    """One photograph of a data set, not yet decoded.

    Attributes:
        path: the picture file.
        label: the image-level label; None where it is not known.
        mask: the file of its human-drawn mask, if there is one.
        source: where it comes from, e.g. ``"CFD"``, ``"CRACK500"``, or the data set folder's name.
        group: the parent photograph; photographs of one group never stand on both sides of a split. Empty
            for a photograph that is a group of its own.
        split: the side that the data set itself puts it on, if it says so.
    """

    path: Path
    label: Label | None
    mask: Path | None = None
    source: str = ""
    group: str = ""
    split: Split | None = None


@dataclass(frozen=True)
class DataSet:
    """Photographs with their labels, in a fixed order.

    Example:
        >>> data = DataSet((Photo(Path("a.jpg"), "cracked"), Photo(Path("b.jpg"), "uncracked")))
        >>> len(data), len(data.cracked), data[1].path.name
        (2, 1, 'b.jpg')
    """

    photos: tuple[Photo, ...]

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.photos)

    @overload
    def __getitem__(self, index: int) -> Photo: ...

    @overload
    def __getitem__(self, index: slice) -> DataSet: ...

    def __getitem__(self, index: int | slice) -> Photo | DataSet:
        return DataSet(self.photos[index]) if isinstance(index, slice) else self.photos[index]

    @property
    def cracked(self) -> DataSet:
        """The photographs labelled cracked."""
        return DataSet(tuple(photo for photo in self.photos if photo.label == "cracked"))

    @property
    def uncracked(self) -> DataSet:
        """The photographs labelled uncracked."""
        return DataSet(tuple(photo for photo in self.photos if photo.label == "uncracked"))

    def with_split(self, split: Split) -> DataSet:
        """Give the photographs of one side of the split that the data set declares.

        A data set that declares no split at all is used whole for either side. Where only some photographs
        declare one (several data sets loaded together), the others count as ``train``.

        Raises:
            FissuraError: if no photograph stands on that side.
        """
        if all(photo.split is None for photo in self.photos):
            return self
        chosen = tuple(photo for photo in self.photos if (photo.split or "train") == split)
        if not chosen:
            raise FissuraError(
                f"{self._folder()}: no photograph is in the {split} split; "
                f"add a {split}/ folder, or give another data set"
            )
        return DataSet(chosen)

    def at_most(self, count: int) -> DataSet:
        """Give these photographs, or ``count`` of them evenly spaced, so that every source keeps its share."""
        if len(self) <= count:
            return self
        return DataSet(tuple(self.photos[place * len(self) // count] for place in range(count)))

    def without_masks(self) -> DataSet:
        """Give the same photographs without their masks: what weakly supervised training may see."""
        return DataSet(tuple(replace(photo, mask=None) for photo in self.photos))

    def require_both_labels(self) -> None:
        """Insist on at least one cracked and one uncracked photograph, as training does.

        Raises:
            FissuraError: naming the label that is missing.
        """
        for label, found in (("cracked", self.cracked), ("uncracked", self.uncracked)):
            if not len(found):
                raise FissuraError(
                    f"{self._folder()}: no photograph is labelled {label}; "
                    f"add a folder {label}/ with such photographs, or give a second data set that has some"
                )

    def fingerprint(self, *, with_masks_and_groups: bool = False) -> str:
        """Tell this data set from another by 16 hex digits, wherever and in whatever order it lies.

        The SHA-256 of the sorted file names, sizes in bytes and labels of the photographs; if asked for, of their
        masks' sizes, their sources and groups too.
        """
        facts = [f"{photo.path.name}\0{_bytes(photo.path)}\0{photo.label}\n" for photo in self.photos]
        if with_masks_and_groups:
            facts = [
                f"{fact}{photo.mask and _bytes(photo.mask)}\0{photo.source}\0{photo.group}\n"
                for fact, photo in zip(facts, self.photos, strict=True)
            ]
        facts.sort()
        return hashlib.sha256("".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def _folder(self) -> str:
        return str(self.photos[0].path.parent) if self.photos else "data set"


def _bytes(path: Path) -> int:
    """Tell a file's size; 0 where there is none, such as behind a broken link."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
