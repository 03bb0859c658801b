"""Registering two photographs of one place: the homography that lays the later one over the earlier one.

1. Features (SIFT; Lowe 2004, "Distinctive image features from scale-invariant keypoints") are found in both, on the
   luminance with its local contrast evened out, for the light is another on another day.
2. A feature is matched with the most similar one of the other photograph where each is the other's best match,
   and clearly better than the second best (Lowe's ratio test).
3. A homography is fitted to the matches by MAGSAC++ (Barath et al. 2020), which bears many wrong matches.
4. The homography is believed only if enough matches agree with it (Brown and Lowe 2007, "Automatic panoramic image
   stitching using invariant features"), over enough of the picture, and it is one that a camera can make.

A homography is exact for a flat surface. What stands out of it is registered with an error, which is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError

_LONGEST_SIDE_PX = 1600  # features of larger photographs are found on a reduced copy
_MOST_FEATURES = 4000
_RATIO = 0.8  # of the distances to the best and the second best match; Lowe's own
_INLIER_PX = 3.0  # on the reduced copy
_FEWEST_INLIERS = 20
_SMALLEST_SHARE = 0.04  # of the earlier photograph that agreeing features must spread over
_MOST_ENLARGED = 6.0  # between two photographs
_SMALLEST_OVERLAP = 0.1  # of the earlier photograph that the later one must show
_MEND = "take both of the same surface, sharp, from about the same place and with half of the view in common"


@dataclass(frozen=True, eq=False)
class Registration:
    """How a later photograph lies over an earlier one.

    Attributes:
        after_to_before: ``(3, 3)`` float64, the homography from x, y of the later photograph to x, y of the
            earlier one, in px, the last element 1.
        matches: how many pairs of features were compared.
        inliers: how many of them agree.
        error_px: root mean square distance of agreeing features, in px of the earlier photograph.
        before_shape: height and width of the earlier photograph, in px.
        after_shape: height and width of the later photograph, in px.
    """

    after_to_before: NDArray[np.float64]
    matches: int
    inliers: int
    error_px: float
    before_shape: tuple[int, int]
    after_shape: tuple[int, int]

    def to_before(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give where points of the later photograph, ``(N, 2)`` x and y in px, lie in the earlier one."""
        return mapped(points_px, self.after_to_before)

    def to_after(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give where points of the earlier photograph, ``(N, 2)`` x and y in px, lie in the later one."""
        return mapped(points_px, np.asarray(np.linalg.inv(self.after_to_before), np.float64))

    def enlargement(self, points_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give px of the earlier photograph per px of the later one at points of the later one, ``(N,)``."""
        h = self.after_to_before
        depth = points_px @ h[2, :2] + h[2, 2]
        # The determinant of the map's derivative is an area; its root is a length.
        return np.asarray(np.sqrt(np.abs(np.linalg.det(h) / depth**3)), np.float64)

    def warp(self, after: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Lay the later photograph over the earlier one.

        Args:
            after: ``(H, W, 3)`` or ``(H, W)`` uint8 of the later photograph's size.

        Returns:
            The same in the earlier photograph's size; black where the later photograph shows nothing.
        """
        height, width = self.before_shape
        return np.asarray(cv2.warpPerspective(after, self.after_to_before, (width, height), flags=cv2.INTER_LINEAR))

    def common_view(self) -> NDArray[np.bool_]:
        """Give which pixels of the earlier photograph the later one shows too, ``(H, W)`` bool."""
        shown = self.warp(np.full(self.after_shape, 255, np.uint8))
        return np.asarray(shown > 127)


def register(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Registration:
    """Find how a later photograph lies over an earlier one of the same place.

    Args:
        before: ``(H, W, 3)`` uint8 RGB, the earlier photograph.
        after: ``(h, w, 3)`` uint8 RGB, the later one, of any size.

    Returns:
        The registration, with its error.

    Raises:
        FissuraError: if the two cannot be registered; it says why.

    Example:
        >>> registration = register(read_photo(Path("2024.jpg")), read_photo(Path("2026.jpg")))  # doctest: +SKIP
        >>> registration.error_px  # doctest: +SKIP
        0.41
    """
    before_points, before_signs, before_zoom = _features(before, "earlier")
    after_points, after_signs, after_zoom = _features(after, "later")
    ours, theirs = _matches(before_signs, after_signs)
    source, target = after_points[theirs], before_points[ours]  # (N, 2) each
    if len(source) < _FEWEST_INLIERS:
        raise _failed(
            f"only {len(source)} features of the two photographs look alike (at least {_FEWEST_INLIERS} must)"
        )
    # Fitted on the reduced copies, where a px means the same in both, and then put into the photographs' own px.
    found, agreeing = cv2.findHomography(
        source * after_zoom, target * before_zoom, cv2.USAC_MAGSAC, _INLIER_PX, maxIters=20_000, confidence=0.9999
    )
    if found is None:
        raise _failed("their features agree on no common position")
    inside = agreeing.ravel().astype(bool)
    homography = _refined(source[inside], target[inside], np.asarray(found, np.float64), before_zoom, after_zoom)
    _check_support(source, target, inside, homography, before.shape[:2], after.shape[:2])
    _check_camera(homography, before.shape[:2], after.shape[:2])
    residuals = np.hypot(*(mapped(source[inside], homography) - target[inside]).T)
    return Registration(
        after_to_before=homography,
        matches=len(source),
        inliers=int(inside.sum()),
        error_px=float(np.sqrt(np.mean(residuals**2))),
        before_shape=(before.shape[0], before.shape[1]),
        after_shape=(after.shape[0], after.shape[1]),
    )


def mapped(points_px: NDArray[np.float64], homography: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points by a homography.

    Args:
        points_px: ``(N, 2)`` x and y.
        homography: ``(3, 3)``.

    Returns:
        ``(N, 2)`` float64; infinite where a point lies on the horizon.
    """
    lifted = points_px @ homography[:, :2].T + homography[:, 2]  # (N, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(lifted[:, :2] / lifted[:, 2:], np.float64)


def _features(photo: NDArray[np.uint8], which: str) -> tuple[NDArray[np.float64], NDArray[np.float32], float]:
    """Give features: places ``(N, 2)`` in px of the photograph, descriptors ``(N, 128)``, and how it was reduced."""
    zoom = min(1.0, _LONGEST_SIDE_PX / max(photo.shape[:2]))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    if zoom < 1:
        grey = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(grey)
    places, descriptors = cv2.SIFT.create(nfeatures=_MOST_FEATURES).detectAndCompute(even, None)
    if descriptors is None or len(places) < _FEWEST_INLIERS:
        raise _failed(f"the {which} photograph shows next to no texture to hold on to")
    # Root SIFT (Arandjelovic and Zisserman 2012): distances compare as histograms do.
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-7))
    points = np.array([place.pt for place in places])
    # The centres of the reduced pixels, in px of the photograph.
    return (points + 0.5) / zoom - 0.5, np.asarray(roots, np.float32), zoom


def _matches(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the rows of both that are each other's best match by far, ``(N,)`` each."""
    likeness = ours @ theirs.T  # (N, M), cosines: root SIFT has unit length
    best, back = likeness.argmax(axis=1), likeness.argmax(axis=0)
    rows = np.arange(len(ours))
    first = likeness[rows, best].copy()
    likeness[rows, best] = -1.0
    second = likeness.max(axis=1)
    # Squared distances are 2 - 2 cosine.
    clear = 1 - first < _RATIO**2 * (1 - second)
    kept = np.flatnonzero(clear & (back[best] == rows))
    return kept, best[kept]


def _refined(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    found: NDArray[np.float64],
    before_zoom: float,
    after_zoom: float,
) -> NDArray[np.float64]:
    """Fit the homography to all agreeing features, in the photographs' own px."""
    fitted, _ = cv2.findHomography(source, target, 0) if len(source) >= 4 else (None, None)
    if fitted is None:
        fitted = np.diag([1 / before_zoom, 1 / before_zoom, 1.0]) @ found @ np.diag([after_zoom, after_zoom, 1.0])
    return np.asarray(fitted / fitted[2, 2], np.float64)


def _check_support(
    source: NDArray[np.float64],
    target: NDArray[np.float64],
    inside: NDArray[np.bool_],
    homography: NDArray[np.float64],
    before_shape: tuple[int, ...],
    after_shape: tuple[int, ...],
) -> None:
    """Refuse a homography that too few features agree with, or only features of one spot."""
    places = mapped(source, homography)
    visible = (places >= 0).all(axis=1) & (places < (before_shape[1], before_shape[0])).all(axis=1)
    # Matches in the common view that chance alone would let agree stay below this (Brown and Lowe 2007, eq. 14).
    needed = max(_FEWEST_INLIERS, round(8 + 0.3 * int(visible.sum())))
    count = int(inside.sum())
    if count < needed:
        raise _failed(f"only {count} of {len(source)} features agree on one position (at least {needed} must)")
    hull = cv2.contourArea(cv2.convexHull(target[inside].astype(np.float32)))
    share = hull / (before_shape[0] * before_shape[1])
    zoomed_in = after_shape[0] * after_shape[1] * abs(float(np.linalg.det(homography[:2, :2])))
    if hull < _SMALLEST_SHARE * min(before_shape[0] * before_shape[1], max(zoomed_in, 1.0)):
        raise _failed(f"the features that agree lie in one spot, {share:.1%} of the earlier photograph")


def _check_camera(
    homography: NDArray[np.float64], before_shape: tuple[int, ...], after_shape: tuple[int, ...]
) -> None:
    """Refuse a homography that no camera in front of the surface makes: mirrored, folded, or hugely enlarged."""
    height, width = after_shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    depth = corners @ homography[2, :2] + homography[2, 2]
    if not np.isfinite(homography).all() or depth.min() <= 0.05 * depth.max():
        raise _failed("the position found is folded over the horizon")
    quad = mapped(corners, homography)
    edges = np.roll(quad, -1, axis=0) - quad
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    if (turns <= 0).any():
        raise _failed("the position found is mirrored or folded")
    area = cv2.contourArea(quad.astype(np.float32))
    enlarged = np.sqrt(area / max((width - 1) * (height - 1), 1))
    if not 1 / _MOST_ENLARGED < enlarged < _MOST_ENLARGED:
        raise _failed(f"one would have to be enlarged {max(enlarged, 1 / enlarged):.0f} times")
    frame = np.array([[0, 0], [before_shape[1], 0], [before_shape[1], before_shape[0]], [0, before_shape[0]]])
    # OpenCV finds nothing in common where two outlines coincide to within a rounding, as those of one photograph do.
    overlap, _ = cv2.intersectConvexConvex(frame.astype(np.float32), np.round(quad, 3).astype(np.float32))
    if overlap < _SMALLEST_OVERLAP * min(area, before_shape[0] * before_shape[1]):
        raise _failed("the two have hardly any view in common")


def _failed(why: str) -> FissuraError:
    return FissuraError(f"registration: {why}; {_MEND}")
