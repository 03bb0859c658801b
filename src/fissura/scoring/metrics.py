"""Measures of one predicted mask against one true mask, and of image-level scores against labels.

All masks are ``(H, W)`` bool, True where there is crack. With TP the crack pixels found, FP the pixels
wrongly called crack and FN the crack pixels missed:

    Dice = 2 TP / (2 TP + FP + FN)      IoU = TP / (TP + FP + FN)
    precision = TP / (TP + FP)          recall = TP / (TP + FN)

One rule for empty masks holds for every measure of two masks here: empty on empty is right and scores 1;
where only one of the two is empty, nothing was found and the score is 0.

Example:
    >>> truth = np.zeros((8, 8), bool)
    >>> truth[4] = True
    >>> prediction = np.roll(truth, 1, axis=0)  # one pixel too low
    >>> dice(prediction, truth), tolerance_f1(prediction, truth, tolerance_px=2)
    (0.0, 1.0)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import morphology

Mask = NDArray[np.bool_]

_SMOOTH = 1e-6  # the original's


def dice_original(prediction: Mask, truth_grey: NDArray[np.floating]) -> float:
    """Dice of one photograph exactly as the original system computes it.

    ``(2 sum(p t) + 1e-6) / (sum(p) + sum(t) + 1e-6)``, where the truth is scaled to [0, 1] but not
    binarised: a mask kept as JPEG brings its grey fringe along, so even a perfect prediction stays a little
    below 1. Empty on empty scores 1; the original averages over all photographs, the uncracked included.

    Args:
        prediction: (H, W) bool.
        truth_grey: (H, W) float in [0, 1].

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if the shapes differ.
    """
    _check_shapes(prediction, truth_grey)
    overlap = float(truth_grey[prediction].sum(dtype=np.float64))
    total = float(np.count_nonzero(prediction)) + float(truth_grey.sum(dtype=np.float64))
    return (2 * overlap + _SMOOTH) / (total + _SMOOTH)


def pixel_counts(prediction: Mask, truth: Mask) -> tuple[int, int, int]:
    """Count the pixels found, wrongly called crack, and missed.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool.

    Returns:
        TP, FP and FN, in pixels.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_shapes(prediction, truth)
    found = int(np.count_nonzero(prediction & truth))
    return found, int(np.count_nonzero(prediction)) - found, int(np.count_nonzero(truth)) - found


def dice(prediction: Mask, truth: Mask) -> float:
    """Dice coefficient ``2 TP / (2 TP + FP + FN)`` (Dice 1945), the F1 score of the crack pixels.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool.

    Returns:
        A number in [0, 1]; 1 where the masks are equal and only there.

    Raises:
        ValueError: if the shapes differ.
    """
    found, false, missed = pixel_counts(prediction, truth)
    return _share(2 * found, 2 * found + false + missed, when_empty=1.0)


def iou(prediction: Mask, truth: Mask) -> float:
    """Intersection over union ``TP / (TP + FP + FN)`` (Jaccard 1912); equals ``Dice / (2 - Dice)``.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if the shapes differ.
    """
    found, false, missed = pixel_counts(prediction, truth)
    return _share(found, found + false + missed, when_empty=1.0)


def precision(prediction: Mask, truth: Mask) -> float:
    """Share of the predicted pixels that are crack, ``TP / (TP + FP)``.

    Args:
        prediction: (H, W) bool; where it is empty the answer is 1 on an empty truth and 0 on any other.
        truth: (H, W) bool.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if the shapes differ.
    """
    found, false, missed = pixel_counts(prediction, truth)
    return _share(found, found + false, when_empty=float(missed == 0))


def recall(prediction: Mask, truth: Mask) -> float:
    """Share of the crack pixels that are predicted, ``TP / (TP + FN)``.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool; where it is empty the answer is 1 for an empty prediction and 0 for any other.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if the shapes differ.
    """
    found, false, missed = pixel_counts(prediction, truth)
    return _share(found, found + missed, when_empty=float(false == 0))


def tolerance_f1(prediction: Mask, truth: Mask, tolerance_px: float) -> float:
    """F1 score that forgives an offset of up to ``tolerance_px`` pixels.

    Crack masks are drawn by hand and their edges are uncertain by a pixel or two, on cracks that are
    themselves only a few pixels wide; crack papers therefore match within a tolerance (CrackForest: Shi et
    al., IEEE T-ITS 2016, with 5 px).

    1. Precision is the share of predicted pixels within the tolerance of some true pixel.
    2. Recall is the share of true pixels within the tolerance of some predicted pixel.
    3. F1 is their harmonic mean. Distances are Euclidean, between pixel centres; at 0 px this is Dice.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool.
        tolerance_px: largest forgiven distance, in pixels, at least 0.

    Returns:
        A number in [0, 1] that never falls as the tolerance grows.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_shapes(prediction, truth)
    if not prediction.any() or not truth.any():
        return float(prediction.any() == truth.any())
    near_truth = float((_distance_to(truth)[prediction] <= tolerance_px).mean())
    near_prediction = float((_distance_to(prediction)[truth] <= tolerance_px).mean())
    return _harmonic_mean(near_truth, near_prediction)


def centreline_dice(prediction: Mask, truth: Mask) -> float:
    """Centre-line Dice, clDice: is the crack's *course* right, whatever the width it was drawn with?

    Shit et al., "clDice - a novel topology-preserving loss function for tubular structure segmentation",
    CVPR 2021, equations 1 and 2. With S() the skeleton of a mask:

    1. topology precision = share of S(prediction) that lies inside the truth;
    2. topology sensitivity = share of S(truth) that lies inside the prediction;
    3. clDice = their harmonic mean.

    Args:
        prediction: (H, W) bool.
        truth: (H, W) bool.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if the shapes differ.
    """
    _check_shapes(prediction, truth)
    if not prediction.any() or not truth.any():
        return float(prediction.any() == truth.any())
    topology_precision = float(truth[_skeleton(prediction)].mean())
    topology_sensitivity = float(prediction[_skeleton(truth)].mean())
    return _harmonic_mean(topology_precision, topology_sensitivity)


def auroc(
    scores: NDArray[np.floating], cracked: NDArray[np.bool_], weights: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Area under the ROC curve: the chance that a cracked photograph outscores an uncracked one.

    The Mann-Whitney rank statistic, ties counting one half (Hanley and McNeil, Radiology 1982). Weights make
    photographs count several times or not at all, which is what a bootstrap resample is; many resamples are
    answered at once.

    Args:
        scores: (N,) image-level scores, higher for "more surely cracked".
        cracked: (N,) bool, the labels.
        weights: (..., N) how often each photograph counts, at least 0; by default each counts once.

    Returns:
        (...) float64 in [0, 1]; NaN where either label has no weight.

    Example:
        >>> float(auroc(np.array([0.9, 0.4, 0.4]), np.array([True, True, False])))
        0.75
    """
    if weights is None:
        weights = np.ones(len(scores))
    order = np.argsort(scores)
    # Photographs of equal score form one level: (L,) the place in `order` where each level begins.
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    weights, cracked = weights[..., order], cracked[order]
    positive = np.add.reduceat(weights * cracked, starts, axis=-1, dtype=np.float64)  # (..., L)
    negative = np.add.reduceat(weights * ~cracked, starts, axis=-1, dtype=np.float64)  # (..., L)
    beaten = np.cumsum(negative, axis=-1) - negative / 2
    with np.errstate(invalid="ignore"):
        area = (positive * beaten).sum(-1) / (positive.sum(-1) * negative.sum(-1))
    return np.asarray(area, dtype=np.float64)


def _skeleton(mask: Mask) -> Mask:
    """Thin a mask to its centre lines, one pixel wide (Zhang and Suen 1984); (H, W) bool."""
    skeleton: Mask = morphology.skeletonize(mask)  # type: ignore[no-untyped-call]
    return skeleton


def _check_shapes(prediction: NDArray[np.generic], truth: NDArray[np.generic]) -> None:
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")


def _share(part: int, whole: int, when_empty: float) -> float:
    return part / whole if whole else when_empty


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


def _distance_to(mask: Mask) -> NDArray[np.float32]:
    """Exact Euclidean distance of every pixel to the nearest True pixel of a mask that has one, in px."""
    background = (~mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
