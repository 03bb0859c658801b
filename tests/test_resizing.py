"""The working resolution: wide cracks on close-ups, fine ones on overviews."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import fissura
from fissura.errors import FissuraError
from fissura.photos import read_mask, save_image
from fissura.segmenting import Cleaning, Segmenter, working_scale
from model_files import CARD, network, write_model

CLEANING = Cleaning(low=0.5, high=0.9, min_extent_px=64, min_extent_fraction=0.2)


def wall(width_px: int, side: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Draw a rough wall and one dark crack from left to right, and its mask."""
    mask = np.zeros((side, side), np.uint8)
    points = np.stack([np.arange(side), side // 2 + 40 * np.sin(np.arange(side) / 90)], axis=1)
    cv2.polylines(mask, [points.round().astype(np.int32)], False, 1, width_px)
    noise = np.random.default_rng(0).normal(150, 8, (side, side, 3))
    return np.where(mask[..., None] > 0, 60, noise.clip(0, 255)).astype(np.uint8), mask > 0


class _OnlyNarrow(Segmenter):
    """Sees dark lines up to 12 px wide, as a network does that was trained on no wider ones."""

    def _in_tiles(self, photo: np.ndarray) -> np.ndarray:
        dark = (photo.mean(axis=2) < 100).astype(np.uint8)
        wide = cv2.morphologyEx(dark, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
        return np.where((dark > 0) & (wide == 0), 0.99, 0.01).astype(np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "m.onnx", network(), CARD.model_copy(update={"cleaning": CLEANING}))


def dice(found: np.ndarray, mask: np.ndarray) -> float:
    return float(2 * (found & mask).sum() / (found.sum() + mask.sum()))


@pytest.mark.parametrize("width_px", [3, 8, 30, 44])
def test_auto_finds_cracks_of_any_width(model: Path, width_px: int) -> None:
    photo, mask = wall(width_px)
    found = _OnlyNarrow(model, resize="auto").segment(photo)
    assert found.probability.shape == mask.shape
    assert dice(found.mask, mask) > 0.9
    as_it_is = _OnlyNarrow(model).segment(photo)
    assert dice(as_it_is.mask, mask) < 0.5 or width_px <= 8


def test_auto_keeps_the_finest_map_where_all_see_the_same(model: Path) -> None:
    photo, _ = wall(6)
    np.testing.assert_array_equal(
        _OnlyNarrow(model, resize="auto").probability(photo), _OnlyNarrow(model).probability(photo)
    )


def test_a_factor_shows_the_network_a_smaller_photograph_of_the_same_answer_size(model: Path) -> None:
    photo, mask = wall(40, side=512)
    found = _OnlyNarrow(model, resize=0.25).segment(photo)
    assert found.mask.shape == mask.shape
    assert dice(found.mask, mask) > 0.9
    assert Segmenter(model, resize=0.25).identity != Segmenter(model).identity


def test_a_known_scale_shows_close_ups_smaller_and_nothing_larger(model: Path, tmp_path: Path) -> None:
    photo, mask = wall(40, side=512)
    save_image(tmp_path / "wall.png", photo)
    found = fissura.segment([tmp_path / "wall.png"], out=tmp_path / "scaled", model=model, mm_per_px=0.025)
    by_hand = fissura.segment([tmp_path / "wall.png"], out=tmp_path / "resized", model=model, resize=0.25)
    same = [read_mask(one.table.parent / "masks" / "wall.png") for one in (found, by_hand)]
    np.testing.assert_array_equal(*same)
    assert same[0].shape == mask.shape
    assert working_scale(0.1) == working_scale(2.0) == 1.0
    with pytest.raises(FissuraError, match="millimetres"):
        working_scale(0.0)


@pytest.mark.parametrize("factor", [0.0, -1.0, 100.0, float("nan")])
def test_a_factor_without_sense_is_refused(model: Path, factor: float) -> None:
    with pytest.raises(FissuraError, match="resize"):
        Segmenter(model, resize=factor)
