"""Real cracks that fade: stretches of a cracked photograph give way to a surface without cracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fissura.painting.surfaces import noise_field

STRETCHES_PX = (8.0, 24.0)  # over longer ones nothing is left to see of a crack, and it teaches hallucination
SPREAD = 0.7  # of the share about its mean: a quarter of the photograph stays as it is, a quarter fades most


def fade(
    photo: NDArray[np.uint8],
    background: NDArray[np.bool_],
    surface: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    most: float,
) -> NDArray[np.uint8]:
    """Lay an uncracked surface over stretches of a cracked photograph, so that its cracks go faint there.

    What is crack stays where it is, so truth that was found where it is plain holds where it is faint. The surface
    is brought to the photograph's colour and contrast first; means of two textures are weaker than either, and are
    made as strong again (Tokozume, Ushiku and Harada 2018, arXiv:1711.10284, "BC+").

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        background: ``(H, W)`` bool, where the photograph shows surface; everywhere, if nowhere is True.
        surface: ``(H, W, 3)`` uint8 RGB, uncracked.
        rng: source of randomness.
        most: the share of the surface, in [0, 1), where cracks fade most, is drawn between 0 and this.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Example:
        >>> faint = fade(photo, truth == 0, surface, np.random.default_rng(0), most=0.9)  # doctest: +SKIP
    """
    height, width = background.shape
    pixels, other = photo.astype(np.float32), surface.astype(np.float32)
    behind = pixels[background] if background.any() else pixels.reshape(-1, 3)  # (N, 3)
    mean, deviation = behind.mean(axis=0), behind.std(axis=0)
    other = (other - other.mean(axis=(0, 1))) * (deviation / np.maximum(other.std(axis=(0, 1)), 1.0))
    field = noise_field(height, width, rng.uniform(*STRETCHES_PX), rng)
    share = rng.uniform(0.0, most) * np.clip(0.5 + SPREAD * field, 0, 1)[:, :, None]  # (H, W, 1)
    mixed = ((pixels - mean) * (1 - share) + other * share) / np.hypot(1 - share, share)
    return np.asarray(np.clip(mean + mixed + 0.5, 0, 255).astype(np.uint8))
