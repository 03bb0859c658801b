"""Widths from the photograph itself: how dark, and how wide, is the valley across a crack.

A crack of width ``w`` darkens the surface by a share ``D``; the lens and the pixels blur it by a Gaussian of
standard deviation ``s``. Across the crack the share of light missing is then

    d(n) = D / 2 * (erf((n - m + w / 2) / (sqrt(2) s)) - erf((n - m - w / 2) / (sqrt(2) s)))

with its middle at ``m``. The area under it is ``D w`` however strong the blur. Per stretch of centre line, ``D``,
``w``, ``m`` and ``s`` are fitted to the stretch's mean profile by least squares (Levenberg-Marquardt, all stretches
at once); each point's own width is then the area under its own profile, divided by the fitted depth.

A crack much thinner than the blur shows only the product ``D w``. Two weak beliefs stand in for what cannot be
seen there: the blur is about that of a sharp photograph, and the width about the mask's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[np.float64]

_USUAL_BLUR_PX = 0.85  # a sharp photograph: a lens and demosaicking of 0.7 px, and a pixel's own width
_BLUR_SPREAD = 0.2  # of the blur's logarithm
_MASK_SPREAD_PX = 2.0  # a network's masks of thin cracks are wider than the cracks by up to this much
_ROUNDS = 15


@dataclass(frozen=True, eq=False)
class Valleys:
    """Fitted valleys of K stretches.

    Attributes:
        depth: ``(K,)`` share of light that the crack swallows.
        width: ``(K,)`` in px.
        blur: ``(K,)`` standard deviation, in px.
        middle: ``(K,)`` offset along the normal, in px.
        misfit: ``(K,)`` root mean square of what the model leaves unexplained, a share of light.
    """

    depth: Array
    width: Array
    blur: Array
    middle: Array
    misfit: Array


def fit_valleys(offsets: Array, darkness: Array, weight: Array, noise: Array, mask_width: Array) -> Valleys:
    """Fit the model at the head of this file to K profiles of M samples.

    Args:
        offsets: ``(K, M)`` along the normal, in px.
        darkness: ``(K, M)`` share of light missing.
        weight: ``(K, M)`` 1 where a sample counts, 0 where another crack may be.
        noise: ``(K,)`` standard deviation of one sample.
        mask_width: ``(K,)`` width of the mask, in px.

    Returns:
        The best fit of each profile.
    """
    scale = np.sqrt(weight * np.minimum(offsets[:, 1:2] - offsets[:, :1], 1.0)) / noise[:, None]
    expected = np.stack([np.zeros_like(mask_width), mask_width, np.zeros_like(mask_width)], axis=1)
    expected = np.concatenate([expected, np.full((len(expected), 1), np.log(_USUAL_BLUR_PX))], axis=1)
    spread = np.array([1e3, _MASK_SPREAD_PX, 1.0, _BLUR_SPREAD])
    peak = np.where(weight > 0, darkness, -np.inf).max(axis=1)
    state = expected.copy()  # (K, 4): depth, width, middle, logarithm of the blur
    state[:, 0] = np.maximum(peak, 0.02)
    damping = np.full(len(state), 1e-2)
    model, slopes = _valley(offsets, state)
    cost = _cost(darkness - model, scale, state, expected, spread)
    for _ in range(_ROUNDS):
        weighted = slopes * scale[:, :, None]  # (K, M, 4)
        normal = np.einsum("kmi,kmj->kij", weighted, weighted)
        pull = np.einsum("kmi,km->ki", weighted, (darkness - model) * scale) + (expected - state) / spread**2
        diagonal = np.arange(4)
        normal[:, diagonal, diagonal] += 1 / spread**2
        normal[:, diagonal, diagonal] *= 1 + damping[:, None]
        tried = state + np.linalg.solve(normal, pull[:, :, None])[:, :, 0]
        tried[:, 0] = np.clip(tried[:, 0], 0.005, 1.5)
        tried[:, 1] = np.maximum(tried[:, 1], 0.1)
        tried[:, 3] = np.clip(tried[:, 3], np.log(0.4), np.log(4.0))
        new_model, new_slopes = _valley(offsets, tried)
        new_cost = _cost(darkness - new_model, scale, tried, expected, spread)
        better = new_cost < cost
        state[better], cost[better] = tried[better], new_cost[better]
        model[better], slopes[better] = new_model[better], new_slopes[better]
        damping = np.where(better, damping / 4, damping * 6)
    rest = np.sqrt((weight * (darkness - model) ** 2).sum(axis=1) / np.maximum(weight.sum(axis=1), 1))
    return Valleys(state[:, 0], state[:, 1], np.exp(state[:, 3]), state[:, 2], rest)


def _valley(offsets: Array, state: Array) -> tuple[Array, Array]:
    """Give the model ``(K, M)`` and its slopes ``(K, M, 4)`` in depth, width, middle and logarithm of the blur."""
    depth, width, middle, log_blur = (state[:, index, None] for index in range(4))
    blur = np.exp(log_blur)
    left, right = (offsets - middle + width / 2) / blur, (offsets - middle - width / 2) / blur
    shape = 0.5 * (erf(left / np.sqrt(2)) - erf(right / np.sqrt(2)))
    bell_left, bell_right = (np.exp(-0.5 * edge**2) / np.sqrt(2 * np.pi) for edge in (left, right))
    slopes = np.stack(
        [
            shape,
            depth * (bell_left + bell_right) / (2 * blur),
            depth * (bell_right - bell_left) / blur,
            depth * (bell_right * right - bell_left * left),
        ],
        axis=2,
    )
    return depth * shape, slopes


def _cost(rest: Array, scale: Array, state: Array, expected: Array, spread: Array) -> Array:
    return np.asarray(((rest * scale) ** 2).sum(axis=1) + (((state - expected) / spread) ** 2).sum(axis=1))
