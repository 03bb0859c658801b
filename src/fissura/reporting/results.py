"""The folder of results that segmenting leaves, and how an interrupted run goes on in it.

``probability/``, ``masks/`` and ``overlays/`` repeat the folders that the photographs lie in, so photographs
of one name in two folders keep apart. ``results.csv`` has a row per photograph; until the end of the run its
rows gather in ``results.partial.csv``, each written as soon as its pictures are. A run that resumes passes
over the photographs whose row has the same model and settings, and whose pictures are there and younger than
the photograph, which one that was copied here or given other permissions since is not. What the table of an earlier
run names besides is removed in the end: its pictures, and what was measured on them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.files import as_text, inside, output_folder
from fissura.photos import read_mask, save_image
from fissura.reporting.model_facts import MODEL, read_model_facts
from fissura.reporting.overlay import draw_overlay
from fissura.reporting.result_names import find_again, result_names
from fissura.reporting.results_table import (
    COLUMNS,
    DRAWINGS,
    FINAL,
    FOLDERS,
    FROM_RESULTS,
    PARTIAL,
    PICTURES,
    SUFFIXES,
    Picture,
    Row,
    drawings_of,
    has_results,
    pictures_of,
    read_rows,
    write_rows,
)
from fissura.reporting.rle import write_submission


class ResultsFolder:
    """A folder that takes the results of a batch of photographs, one by one.

    Args:
        out: the folder; made if it is not there.
        photos: all photographs of the batch; their common folder is where the folders of results begin.
        settings: a short text that is equal exactly where results are comparable, such as a digest of model
            file and settings; kept with every result.
        resume: whether to pass over the photographs that an earlier run with equal settings has finished.
        pictures: what to write of each photograph; the columns of the others stay empty.

    Attributes:
        pending: the photographs that are still to be segmented.

    Raises:
        FissuraError: if the folder cannot be written to, has files of somebody else's where results go, or no kind of
            picture is wanted.

    Example:
        >>> results = ResultsFolder(Path("out"), photos, segmenter.identity, resume=True)  # doctest: +SKIP
        >>> for path in results.pending:  # doctest: +SKIP
        ...     found = segmenter.segment(read_photo(path))
        ...     results.add(path, found.photo, found.probability, found.mask, found.score)
        >>> results.finish()  # doctest: +SKIP
    """

    def __init__(
        self,
        out: Path,
        photos: Sequence[Path],
        settings: str,
        *,
        resume: bool = False,
        pictures: Sequence[Picture] = PICTURES,
    ) -> None:
        if not pictures or not set(pictures) <= set(PICTURES):
            raise FissuraError(f"pictures: {pictures!r} is no choice; name at least one of {', '.join(PICTURES)}")
        _refuse_foreign(out)
        self._out = output_folder(out)
        self._settings = settings
        self._pictures = pictures
        self._photos = list(dict.fromkeys(photos))
        self._names = result_names(self._photos)
        self._rows: dict[Path, Row] = {}
        finished, begun = read_rows(out / FINAL), read_rows(out / PARTIAL)
        if resume:
            begun_in = read_model_facts(out).folder
            earlier = {find_again(row["photo"], begun_in).absolute(): row for row in (*finished, *begun)}
            wrote_last = {file: row for row in (*finished, *begun) for file in pictures_of(row)}
            for photo in self._photos:
                row = earlier.get(photo.absolute())
                if row is None or any(wrote_last[file] is not row for file in pictures_of(row)):
                    continue
                if self._is_done(photo, row):
                    self._rows[photo] = row | {"photo": as_text(photo)}
        self.pending: list[Path] = [photo for photo in self._photos if photo not in self._rows]
        # Those of the finished run stay until this one has finished too.
        self._clear(_pictures(begun) - _pictures(finished))
        write_rows(out / PARTIAL, self._rows.values())

    @property
    def cracked(self) -> int:
        """How many photographs show a crack, those of the earlier run included."""
        return sum(row["verdict"] == "cracked" for row in self._rows.values())

    def add(
        self,
        photo: Path,
        pixels: NDArray[np.uint8],
        probability: NDArray[np.float32],
        mask: NDArray[np.bool_],
        score: float,
    ) -> None:
        """Write one photograph's pictures, then its row.

        Args:
            photo: its path, one of the batch.
            pixels: (H, W, 3) uint8 RGB, the photograph itself.
            probability: (H, W) float32 in [0, 1].
            mask: (H, W) bool.
            score: how surely there is a crack, in [0, 1].

        Raises:
            FissuraError: if a file cannot be written.
        """
        files = self._files(photo)
        # A row of no settings, which no run takes for done, says whose the pictures are before they are written.
        self._append(dict.fromkeys(COLUMNS, "") | files | {"photo": as_text(photo)})
        try:
            if "probability" in files:
                save_image(inside(self._out, files["probability"]), np.rint(probability * 255).astype(np.uint8))
            if "mask" in files:
                save_image(inside(self._out, files["mask"]), mask.astype(np.uint8) * 255)
            if "overlay" in files:
                save_image(inside(self._out, files["overlay"]), draw_overlay(pixels, mask))
        except (MemoryError, cv2.error):  # of which a batch skips the photograph
            self._clear(files.values())
            raise
        self._record(
            photo,
            verdict="cracked" if mask.any() else "uncracked",
            score=f"{score:.6f}",
            crack_fraction=f"{np.count_nonzero(mask) / mask.size:.8f}",
            **files,
        )

    def skip(self, photo: Path, reason: str) -> None:
        """Note that a photograph has no result, and why, in one line."""
        self._record(photo, skipped=reason)

    def finish(self, *, submission: bool = False) -> Path:
        """Write ``results.csv`` with the rows of all photographs, in their order; clear away what no longer holds.

        Args:
            submission: whether to write ``submission.csv`` too: the columns ``file`` and ``crack``, the masks
                run-length encoded as the original system does (see `fissura.reporting.rle`); needs the masks.

        Returns:
            The path of ``results.csv``.

        Raises:
            FissuraError: if a file cannot be written.
        """
        rows = [self._rows[photo] for photo in self._photos if photo in self._rows]
        earlier = read_rows(self._out / FINAL)
        self._clear(_pictures(earlier))
        if _told(rows) != _told(earlier):
            self.clear_measurements()
        if submission:
            write_submission(self._out / "submission.csv", self._masks())
        write_rows(self._out / FINAL, rows)
        (self._out / PARTIAL).unlink(missing_ok=True)
        return self._out / FINAL

    def clear_measurements(self) -> None:
        """Remove the tables, drawings and report that were made of the finished results."""
        self._clear({*FROM_RESULTS}.union(*map(drawings_of, read_rows(self._out / FINAL))))

    def _masks(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Read the masks back, those of an earlier run too, under the photographs' relative names."""
        for photo in self._photos:
            mask = self._rows.get(photo, {}).get("mask")
            if mask:
                name = PurePosixPath(self._names[photo]).with_name(photo.name)
                yield as_text(name), read_mask(self._out / mask, max_megapixels=np.inf)

    def _record(self, photo: Path, **values: str) -> None:
        row = dict.fromkeys(COLUMNS, "") | values | {"photo": as_text(photo), "settings": self._settings}
        self._rows[photo] = row
        self._append(row)

    def _append(self, row: Row) -> None:
        try:
            with (self._out / PARTIAL).open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
        except OSError as error:
            raise FissuraError(
                f"{self._out / PARTIAL}: cannot be written ({error.strerror}); free the disk, then resume"
            ) from error

    def _files(self, photo: Path) -> Row:
        return {kind: f"{FOLDERS[kind]}/{self._names[photo]}{SUFFIXES[kind]}" for kind in self._pictures}

    def _clear(self, files: Iterable[str]) -> None:
        """Remove files of an earlier run, but for the pictures that this one has as well."""
        kept = {file.casefold() for file in _pictures(self._rows.values())}  # some systems know no case
        for file in files:
            if file.casefold() in kept:
                continue
            try:
                inside(self._out, file).unlink(missing_ok=True)
            except (OSError, ValueError) as error:  # ValueError: of a table that somebody has changed
                reason = getattr(error, "strerror", None) or error
                raise FissuraError(
                    f"{self._out / file}: cannot be removed ({reason}); close it where it is open, or delete it"
                ) from error

    def _is_done(self, photo: Path, row: Row) -> bool:
        files = self._files(photo)
        if row["settings"] != self._settings or any(row[kind] != file for kind, file in files.items()):
            return False
        try:
            oldest = min((self._out / file).stat().st_mtime_ns for file in files.values())
            file = photo.stat()
            return max(file.st_mtime_ns, file.st_ctime_ns) <= oldest  # one put here since may be dated earlier
        except OSError:
            return False


def without_results(photos: Sequence[Path], given: Sequence[Path]) -> list[Path]:
    """Leave out the pictures that batches wrote themselves, for their folder may lie among the photographs.

    Args:
        photos: what was found.
        given: the files and folders that it was found in.

    Raises:
        FissuraError: if no photograph is left.
    """
    is_job = cache(has_results)
    own = {*FOLDERS.values(), DRAWINGS}
    kept = [
        photo
        for photo in photos
        if not any(folder.name in own and is_job(folder.parent) for folder in photo.absolute().parents)
    ]
    if not kept:
        raise FissuraError(f"{', '.join(map(str, given))}: results only, no photographs; name the photographs")
    return kept


def _refuse_foreign(out: Path) -> None:
    """Keep from writing over masks that a human drew, as in a data set's own ``masks/``, or over others' tables."""
    if has_results(out):
        return
    for path in (out / name for name in (*FOLDERS.values(), DRAWINGS, FINAL, MODEL, *FROM_RESULTS)):
        if any(path.iterdir()) if path.is_dir() else path.exists():
            raise FissuraError(
                f"{path}: is there already, and no table says it is of `fissura segment`; choose another --out"
            )


def _pictures(rows: Iterable[Row]) -> set[str]:
    return set().union(*map(pictures_of, rows))


def _told(rows: Iterable[Row]) -> list[Row]:
    """Give rows as they are from whatever folder their photographs are named."""
    return [row | {"photo": Path(row["photo"]).name} for row in rows]
