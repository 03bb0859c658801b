"""From model file and photographs to masks, one by one and in batches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from PIL import Image

import fissura
from fissura.errors import FissuraError
from fissura.files import owned
from fissura.reporting import results
from fissura.segmenting import (
    Segmented,
    Segmenter,
    Skipped,
    clean,
    normalise,
    score_photo,
    segment_photos,
    usable_cores,
)
from fissura.segmenting.glancing import shrunk, with_wide_cracks
from fissura.segmenting.normalising import PLANES, Normaliser
from model_files import CARD, CLEANING, cracked_photo, network, write_model

IMAGENET = CARD.model_copy(update={"normalisation": "imagenet"})


def logistic(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logit, np.float64)))


@pytest.fixture
def segmenter(tmp_path: Path) -> Segmenter:
    return Segmenter(write_model(tmp_path / "model.onnx"))


def test_normalising_takes_exposure_contrast_and_colour_cast_away() -> None:
    grey = np.random.default_rng(0).integers(0, 100, (50, 40, 1), dtype=np.uint8)
    photo = np.repeat(grey, 3, axis=2)
    normalised = normalise(photo, "grey")
    assert (normalised.shape, normalised.dtype) == ((1, 50, 40), np.float32)
    assert normalised.mean() == pytest.approx(0, abs=1e-5)
    assert normalised.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(normalise(photo * 2 + 20, "grey"), normalised, atol=1e-5)
    np.testing.assert_allclose(normalise(photo[:, ::-1], "grey"), normalised[..., ::-1], atol=1e-6)
    bluish = photo + np.array([0, 10, 60], np.uint8)
    np.testing.assert_allclose(normalise(bluish, "grey"), normalised, atol=0.02)  # levels are whole numbers


def test_grey_is_the_luminance_of_pillow() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(photo).convert("L"), np.float64)
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(normalise(photo, "grey")[0], expected, atol=0.03)


def test_normalising_for_imagenet_encoders_agrees_with_torchvision() -> None:
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    torch = pytest.importorskip("torch")
    photo = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    expected = functional.normalize(
        torch.from_numpy(photo).permute(2, 0, 1) / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    np.testing.assert_allclose(normalise(photo, "imagenet"), expected.numpy(), atol=1e-5)


def test_a_blank_wall_is_not_blown_up_to_full_contrast() -> None:
    blank = np.full((20, 20, 3), 128, np.uint8)
    assert not normalise(blank, "grey").any()
    blank[0, 0] = 129
    assert np.abs(normalise(blank, "grey")).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (64, 64), (211, 149)])
@pytest.mark.parametrize("card", [CARD, IMAGENET], ids=["grey", "imagenet"])
def test_probability_is_that_of_the_whole_photograph_at_any_size(
    tmp_path: Path, shape: tuple[int, int], card: object
) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    model = write_model(tmp_path / "m.onnx", network(planes=PLANES[card.normalisation]), card)
    probability = Segmenter(model).probability(photo)
    expected = logistic(-10 * normalise(photo, card.normalisation).mean(axis=0))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, expected, atol=1e-4)


def test_tiles_of_a_network_with_a_view_leave_no_seam(tmp_path: Path) -> None:
    model = network(kernel_px=9)  # sees 4 px around: less than the overlap, so tiling must not show
    photo = np.random.default_rng(0).integers(0, 256, (200, 230, 3), dtype=np.uint8)
    tiled = Segmenter(write_model(tmp_path / "tiled.onnx", model)).probability(photo)
    whole_card = CARD.model_copy(update={"tile_px": 256})
    whole = Segmenter(write_model(tmp_path / "whole.onnx", model, whole_card)).probability(photo)
    inside = (slice(4, -4), slice(4, -4))
    # Only the last pixels of a tile lack surroundings, and there its weight is next to nothing.
    assert np.abs(tiled[inside] - whole[inside]).max() < 0.05
    assert np.abs(tiled[inside] - whole[inside]).mean() < 0.002


def test_cracks_are_found_and_blank_walls_left_alone(segmenter: Segmenter) -> None:
    found = segmenter.segment(cracked_photo(100))
    assert found.verdict == "cracked"
    assert found.score > 0.99
    np.testing.assert_array_equal(np.flatnonzero(found.mask.any(axis=1)), [49, 50, 51])
    assert found.mask.all(axis=1).sum() == 3
    np.testing.assert_array_equal(found.mask, clean(found.probability, CLEANING))
    assert found.score == score_photo(found.probability, CLEANING)

    blank = segmenter.segment(np.full((100, 100, 3), 150, np.uint8))
    assert blank.verdict == "uncracked"
    assert blank.score < CLEANING.high


def test_cleaning_given_by_the_user_overrides_that_of_the_model(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx")
    photo = np.full((100, 100, 3), 150, np.uint8)
    photo[50, 50:60] = 0  # a tenth of the side: shorter than the model's smallest crack
    own, overridden = Segmenter(path), Segmenter(path, cleaning=CLEANING.changed(min_extent_px=5))
    assert own.segment(photo).verdict == "uncracked"
    assert overridden.segment(photo).mask.sum() == 10
    assert own.identity != overridden.identity
    assert own.identity == Segmenter(path, threads=1).identity


def test_a_glance_passes_over_what_surely_shows_no_crack_and_leaves_the_rest_as_it_is(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", card=CARD.model_copy(update={"glance_below": 0.3}))
    full, glancing = Segmenter(path), Segmenter(path, glance=True)
    cracked, blank = cracked_photo(96), np.full((96, 96, 3), 150, np.uint8)
    np.testing.assert_array_equal(glancing.probability(cracked), full.probability(cracked))
    of_all = Normaliser("grey", mean=140.0, std=20.0)  # of a picture in which the blank tile is light
    assert 0 < full.probability_of_tile(blank, of_all).max() < 0.3
    np.testing.assert_array_equal(glancing.probability_of_tile(blank, of_all), np.zeros((96, 96)))
    assert glancing.identity != full.identity


@pytest.mark.parametrize(
    ("glance", "wide", "looks_twice"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_warming_up_runs_the_network_on_every_size_that_tiles_will_be_seen_at(
    glance: bool, wide: bool, looks_twice: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model(tmp_path / "model.onnx", card=CARD.model_copy(update={"glance_below": 0.3}))
    segmenter = Segmenter(path, glance=glance, wide=wide)
    run, ran = segmenter.engine.run, set()
    monkeypatch.setattr(segmenter.engine, "run", lambda batch: ran.add(batch.shape) or run(batch))
    segmenter.warm_up()
    side, afar = CARD.tile_px, shrunk(np.zeros((1, CARD.tile_px, CARD.tile_px), np.float32), CARD.multiple_px)
    assert ran == {(1, 1, side, side)} | ({(1, *afar.shape)} if looks_twice else set())


def test_a_model_that_knows_no_threshold_cannot_glance(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="train it anew"):
        Segmenter(write_model(tmp_path / "model.onnx"), glance=True)


def sees_edges(tmp_path: Path, wide_from_afar: bool, sharpness: float = 5, bias: float = -2.5) -> Path:
    """Write a model that knows what is darker than the 25 px around it, of a wide crack the edges alone."""
    edges = network(kernel_px=25)
    kernel = np.full((25, 25), 1.0, np.float32) / (25**2 - 3**2)
    kernel[11:14, 11:14] = -1 / 3**2
    edges.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(sharpness) * kernel[None, None], "kernel"))
    edges.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.float32([bias]), "bias"))
    card = CARD.model_copy(update={"wide_from_afar": wide_from_afar})
    return write_model(tmp_path / f"{wide_from_afar}.onnx", edges, card)


def test_a_crack_too_wide_for_the_network_is_seen_whole_from_afar_and_a_thin_one_as_before(tmp_path: Path) -> None:
    near, afar = (Segmenter(sees_edges(tmp_path, wide)) for wide in (False, True))
    photo = np.full((192, 192, 3), 180, np.uint8)
    photo[:, 100:124] = 60
    assert near.probability(photo)[64:128, 112].max() < 0.5  # but where tiles meet, for they end within its sight
    assert afar.probability(photo)[40:150, 112].min() > 0.9
    np.testing.assert_array_equal(afar.probability(photo)[:, :80], near.probability(photo)[:, :80])
    thin = np.full((192, 192, 3), 180, np.uint8)
    thin[:, 90:94] = 60
    assert near.probability(thin)[40:150, 91:93].min() > 0.9
    np.testing.assert_array_equal(afar.probability(thin), near.probability(thin))
    asked = Segmenter(sees_edges(tmp_path, False), wide=True)
    assert asked.identity != near.identity
    np.testing.assert_array_equal(asked.probability(photo), afar.probability(photo))


def test_a_shadow_without_edges_is_no_wide_crack_however_sure_it_is_from_afar(tmp_path: Path) -> None:
    near, afar = (Segmenter(sees_edges(tmp_path, wide, sharpness=20, bias=-30)) for wide in (False, True))
    away = np.hypot(*np.mgrid[-144:144, -144:144])
    shadow = np.repeat((180 - 120 * np.exp(-((away / 34) ** 2)))[:, :, None], 3, axis=2).astype(np.uint8)
    normaliser = Normaliser.of(shadow, "grey")
    seen = near.probability_of_tile(shadow, normaliser)
    assert seen.max() < 0.1
    assert near.glance(shadow, normaliser) > 0.99
    np.testing.assert_array_equal(afar.probability_of_tile(shadow, normaliser), seen)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(0.1, 1.0))
def test_a_look_from_afar_takes_nothing_away_and_adds_only_what_is_wide_and_sure(
    seed: int, across: int, surest: float
) -> None:
    rng = np.random.default_rng(seed)
    near = rng.random((96, 60)).astype(np.float32)
    thin, wide = np.zeros((2, 32, 20), np.float32)
    thin[:, 8 : 8 + across] = surest
    wide[10:22] = surest
    np.testing.assert_array_equal(with_wide_cracks(near, thin), near)
    seen = with_wide_cracks(near, wide)
    assert (seen >= near).all()
    np.testing.assert_array_equal(seen[34:62] > near[34:62], (surest >= 0.9) & (near[34:62] < np.float32(surest)))
    np.testing.assert_array_equal(seen[:28], near[:28])


@pytest.mark.parametrize("views", [2, 4])
def test_views_average_the_logits_of_the_photograph_mirrored_and_turned(views: int, tmp_path: Path) -> None:
    lopsided = network(kernel_px=3)
    kernel = np.random.default_rng(1).normal(0, 0.5, (1, 1, 3, 3)).astype(np.float32)
    lopsided.graph.initializer[0].CopyFrom(numpy_helper.from_array(kernel, "kernel"))
    path = write_model(tmp_path / "model.onnx", lopsided)
    photo = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    once, several = Segmenter(path), Segmenter(path, views=views)

    def logit(seen: np.ndarray) -> np.ndarray:
        chance = once.probability(np.ascontiguousarray(seen)).astype(np.float64)
        return np.log(chance / (1 - chance))

    answers = [logit(photo), np.fliplr(logit(np.fliplr(photo)))]
    if views == 4:
        turned = np.rot90(photo)
        answers += [np.rot90(logit(turned), -1), np.rot90(np.fliplr(logit(np.fliplr(turned))), -1)]
    assert np.abs(answers[1] - answers[0]).max() > 0.1  # or there would be nothing to average
    np.testing.assert_allclose(several.probability(photo), 1 / (1 + np.exp(-np.mean(answers, axis=0))), atol=1e-5)
    assert several.identity != once.identity


def test_three_views_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="views: 3 is none of 1, 2, 4"):
        Segmenter(write_model(tmp_path / "model.onnx"), views=3)


def test_extreme_logits_neither_overflow_nor_leave_the_unit_interval(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    with np.errstate(all="raise"):
        probability = Segmenter(write_model(tmp_path / "m.onnx", network(gain=1e30))).probability(photo)
        broken = Segmenter(write_model(tmp_path / "n.onnx", network(bias=np.nan))).segment(photo)
    assert set(np.unique(probability)) <= {0.0, 1.0}
    assert broken.verdict == "uncracked"
    assert broken.score == 0


def test_network_of_another_output_size_is_refused(tmp_path: Path) -> None:
    model = network()
    model.graph.node[0].attribute.append(helper.make_attribute("strides", [2, 2]))
    with pytest.raises(FissuraError, match=r"halves\.onnx: .* map of shape \(1, 1, 32, 32\)"):
        Segmenter(write_model(tmp_path / "halves.onnx", model)).probability(cracked_photo(64))


@pytest.mark.parametrize(
    ("limit", "most"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", 10**6), ("", 10**6)]
)
def test_usable_cores_heed_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr("fissura.segmenting.cores._CGROUP_LIMIT", tmp_path / "cpu.max")
    assert usable_cores() == min(most, len(os.sched_getaffinity(0)))


def corrupt(path: Path, kind: int) -> None:
    whole = path.read_bytes()
    path.write_bytes([b"", b"not a photograph", whole[: len(whole) // 2], whole[:20], bytes(900)][kind % 5])


def test_unreadable_photographs_are_skipped_and_named(tmp_path: Path, segmenter: Segmenter) -> None:
    paths = []
    for index in range(40):
        photo = cracked_photo(64) if index % 2 else np.full((64, 64, 3), 150, np.uint8)
        paths.append(tmp_path / f"wall {index:02}.png")
        Image.fromarray(photo).save(paths[-1])
    bad = [paths[index] for index in (0, 7, 8, 21, 39)]
    for kind, path in enumerate(bad):
        corrupt(path, kind)
    missing = tmp_path / "missing.png"

    answers = list(segment_photos([*paths, missing], segmenter))

    assert [answer.path for answer in answers] == [*paths, missing]
    skipped = [answer for answer in answers if isinstance(answer, Skipped)]
    assert [answer.path for answer in skipped] == [*bad, missing]
    for answer in skipped:
        assert answer.reason
        assert "\n" not in answer.reason
        assert str(answer.path) not in answer.reason
    verdicts = {a.path: a.segmentation.verdict for a in answers if isinstance(a, Segmented)}
    assert verdicts == {
        path: "cracked" if index % 2 else "uncracked" for index, path in enumerate(paths) if path not in bad
    }


def no_memory_for_opencv() -> cv2.error:
    error = cv2.error("Failed to allocate 9999999999 bytes")
    error.code = cv2.Error.STS_NO_MEM
    return error


@pytest.mark.parametrize("error", [MemoryError(), no_memory_for_opencv()])
def test_a_photograph_that_memory_does_not_suffice_for_ends_no_batch(
    tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, side_px in zip(paths, (64, 65, 64), strict=True):
        Image.fromarray(cracked_photo(side_px)).save(path)
    whole = Segmenter.segment

    def fails_on_65_px(self: Segmenter, photo: np.ndarray) -> object:
        if len(photo) == 65:
            raise error
        return whole(self, photo)

    monkeypatch.setattr(Segmenter, "segment", fails_on_65_px)
    kinds = [type(answer) for answer in segment_photos(paths, segmenter)]
    assert kinds == [Segmented, Skipped, Segmented]


def test_a_photograph_too_large_to_draw_ends_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_model(tmp_path / "model.onnx")
    for name, side_px in (("a", 64), ("b", 65)):
        Image.fromarray(cracked_photo(side_px)).save(tmp_path / f"{name}.png")

    def fails_on_65_px(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if len(photo) == 65:
            raise no_memory_for_opencv()
        return photo

    monkeypatch.setattr(results, "draw_overlay", fails_on_65_px)
    done = fissura.segment([tmp_path], out=tmp_path / "out", model=model, engine="onnxruntime")
    assert (done.segmented, [skipped.path.name for skipped in done.skipped]) == (1, ["b.png"])
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["a.png"]


def test_two_runs_never_mix_their_results(tmp_path: Path) -> None:
    model, photo = write_model(tmp_path / "model.onnx"), tmp_path / "wall.png"
    Image.fromarray(cracked_photo()).save(photo)
    with owned(tmp_path / "out"), pytest.raises(FissuraError, match="another run writes here"):
        fissura.segment([photo], out=tmp_path / "out", model=model, engine="onnxruntime")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"photos": Path("wall.png")}, r"give a list of paths, such as \['wall.png'\]"),
        ({"max_megapixels": float("nan")}, "max_megapixels: nan is no limit"),
        ({"resize": "Auto"}, "give auto, or such as 0.25"),
        ({"pictures": "mask"}, "name at least one of probability, mask, overlay"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    Image.fromarray(cracked_photo()).save(tmp_path / "wall.png")
    model = write_model(tmp_path / "model.onnx")
    usual = {"photos": [tmp_path], "out": tmp_path / "out", "model": model, "engine": "onnxruntime"}
    with pytest.raises(FissuraError, match=said):
        fissura.segment(**usual | options)


def test_batches_can_be_left_early(tmp_path: Path, segmenter: Segmenter) -> None:
    Image.fromarray(cracked_photo()).save(tmp_path / "a.png")
    batch = segment_photos([tmp_path / "a.png"] * 50, segmenter)
    assert isinstance(next(batch), Segmented)
    batch.close()
    assert list(segment_photos([], segmenter)) == []


def test_segmenting_imports_no_torch(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx")
    Image.fromarray(cracked_photo()).save(tmp_path / "wall.png")
    program = """
import sys
from pathlib import Path
from fissura.segmenting import Segmenter, segment_photos
model, photo = map(Path, sys.argv[1:])
(answer,) = segment_photos([photo], Segmenter(model))
heavy = {"torch", "torchvision", "lightning", "timm", "onnx", "segmentation_models_pytorch"}
print(answer.segmentation.verdict, sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(model), str(tmp_path / "wall.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "cracked []"
