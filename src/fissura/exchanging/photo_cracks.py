"""What every export is made from: one photograph, its name in the export, and the cracks measured on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.files import as_text
from fissura.measuring import Branch, Crack, Measurement


@dataclass(frozen=True, eq=False)
class PhotoCracks:
    """The cracks of one photograph, to be exported.

    Attributes:
        photo: the picture file. Only the geographic formats open it, for its place on the ground.
        measurement: its cracks. Pixels that belong to a crack (``measurement.labels > 0``) are the mask.
        name: what the photograph is called in the export: its path below the folder that the other program
            (and later `import_masks`) knows as the folder of photographs, with ``/``. Its file name where
            nothing is given.
        labels_at_px: x and y of the photograph's pixel that is the first of ``measurement.labels``, where these
            cover but a window of it, as they do of rasters too large for memory. Only the geographic formats
            and the tables take such measurements.

    Raises:
        FissuraError: if the name leads out of that folder.

    Example:
        >>> from fissura.measuring import Measurement
        >>> nothing = Measurement((), 2, 3, None, np.zeros((2, 3), np.int32))
        >>> PhotoCracks(Path("walls/north/1.jpg"), nothing).name
        '1.jpg'
        >>> PhotoCracks(Path("walls/north/1.jpg"), nothing, name="north/1.jpg").stem
        'north/1'
    """

    photo: Path
    measurement: Measurement
    name: str = ""
    labels_at_px: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        name = PurePosixPath(self.name or self.photo.name)
        if name.is_absolute() or ".." in name.parts or not name.parts or "\\" in str(name):
            raise FissuraError(
                f"{name}: is no name for a photograph in an export; give its path below the folder of photographs"
            )
        # File names may hold bytes that are no UTF-8; the formats may not.
        object.__setattr__(self, "name", as_text(name))

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.removesuffix(PurePosixPath(self.name).suffix)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The photograph's mask, ``(H, W)`` bool."""
        mask: NDArray[np.bool_] = self.measurement.labels > 0
        return mask


def line_of(branch: Branch) -> NDArray[np.float64]:
    """Give a branch as a line of at least two points.

    Returns:
        ``(N, 2)`` float64, x and y in px, N >= 2. A branch of one point, which is one pixel, becomes the
        line from that pixel's left border to its right one.
    """
    if len(branch.points_px) > 1:
        return branch.points_px
    line: NDArray[np.float64] = branch.points_px + np.array([[-0.5, 0.0], [0.5, 0.0]])
    return line


def describe(crack: Crack) -> str:
    """Say a crack's length and largest width in one line, in mm where there is a scale, else in px.

    Example:
        >>> from fissura.measuring import measure
        >>> mask = np.zeros((20, 60), bool)
        >>> mask[8:11, 10:50] = True
        >>> describe(measure(mask, mm_per_px=0.2).cracks[0])
        'crack 1: 8 mm long, 0.60 mm wide at its widest'
    """
    if crack.length_mm is not None and crack.width_max_mm is not None:
        length, width, unit = crack.length_mm, crack.width_max_mm, "mm"
    else:
        length, width, unit = crack.length_px, crack.width_max_px, "px"
    return f"crack {crack.number}: {length:.0f} {unit} long, {width:.2f} {unit} wide at its widest"
