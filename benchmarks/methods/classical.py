"""Classical methods of scikit-image, at textbook values: a score per pixel from the grey values alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import frangi, sato, threshold_multiotsu

from methods.tuning import Pixels, Score

SIGMAS_PX = (1.0, 2.0, 3.0, 4.0)  # ridges of about 2 to 12 px, the widths of the cracks
CLASSES = 3  # crack, surface, highlight


def multi_otsu(photo: Pixels) -> NDArray[np.float32]:
    """Score 1 in the darkest of three classes (Liao et al. 2001, A fast algorithm for multilevel thresholding)."""
    grey = _grey(photo)
    if len(np.unique(grey)) <= CLASSES:
        return np.zeros(grey.shape, np.float32)
    darkest: NDArray[np.float32] = (grey <= threshold_multiotsu(grey, CLASSES)[0]).astype(np.float32)
    return darkest


def sato_ridge(photo: Pixels) -> NDArray[np.float32]:
    """Score dark ridges by their second derivative (Sato et al. 1998), in units of the photograph's contrast."""
    ridges: NDArray[np.float32] = sato(_standard(photo), sigmas=SIGMAS_PX, black_ridges=True).astype(np.float32)
    return ridges


def frangi_ridge(photo: Pixels) -> NDArray[np.float32]:
    """Score dark ridges by their vesselness (Frangi et al. 1998)."""
    ridges: NDArray[np.float32] = frangi(_standard(photo), sigmas=SIGMAS_PX, black_ridges=True).astype(np.float32)
    return ridges


CLASSICAL: dict[str, Score] = {"multi-otsu": multi_otsu, "sato": sato_ridge, "frangi": frangi_ridge}


def _grey(photo: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)  # (H, W)


def _standard(photo: Pixels) -> NDArray[np.float32]:
    grey = _grey(photo).astype(np.float32)
    standard: NDArray[np.float32] = (grey - grey.mean()) / max(float(grey.std()), 1.0)
    return standard
