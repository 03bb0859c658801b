"""Several views of one tile: mirrored and turned it shows the same cracks, and errors that differ average out.

Known as test-time augmentation (Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep
convolutional neural networks", section 4.1); here with the mirrorings and quarter turns that leave every pixel whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError

VIEWS = 1, 2, 4  # as it is; mirrored too; and both of them turned by a quarter


def checked_views(views: int) -> int:
    """Give back a number of views that there is.

    Raises:
        FissuraError: if there is none such.
    """
    if views not in VIEWS:
        raise FissuraError(f"views: {views} is none of {', '.join(map(str, VIEWS))}; give one of these")
    return views


def mean_of_views(
    planes: NDArray[np.float32], views: int, predict: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Predict each view of a tile, bring the answers back and average them.

    Args:
        planes: (planes, h, w) float32, the normalised tile.
        views: how many, of `VIEWS`.
        predict: gives the (h, w) float32 logits of a contiguous (planes, h, w) tile; its answer may be written to.

    Returns:
        (h, w) float32, the mean of the logits.

    Example:
        >>> tile = np.float32([[[1, 2], [3, 4]]])
        >>> mean_of_views(tile, 4, lambda planes: planes[0].copy())
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    total = predict(planes)
    for view in range(1, views):
        turns, is_mirrored = divmod(view, 2)
        seen = np.rot90(planes, turns, axes=(1, 2))
        logit = predict(np.ascontiguousarray(seen[:, :, ::-1] if is_mirrored else seen))
        total += np.rot90(logit[:, ::-1] if is_mirrored else logit, -turns)
    return total if views == 1 else np.divide(total, views, out=total)
