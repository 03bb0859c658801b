"""Engines: equal answers whichever runs the network, a choice that is measured once, and batches that use it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from fissura.errors import FissuraError
from fissura.segmenting import (
    ENGINES,
    EngineName,
    Segmented,
    Segmenter,
    choose_engine,
    choosing,
    open_engine,
    runs_at_once,
    segment_photos,
)
from model_files import CARD, cracked_photo, network, write_model

INSTALLED = [
    pytest.param("onnxruntime"),
    pytest.param("openvino", marks=pytest.mark.skipif(not choosing.installed_engines()[1:], reason="not installed")),
]
needs_openvino = pytest.mark.skipif(not choosing.installed_engines()[1:], reason="OpenVINO is not installed")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fissura" / "engines.json"


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 48, 80)])
def test_an_engine_gives_the_logits_of_the_network(model: Path, name: EngineName, shape: tuple[int, ...]) -> None:
    batch = np.random.default_rng(0).standard_normal((shape[0], 1, *shape[1:]), np.float32)
    engine, opened = open_engine(model, name, threads=2, at_once=2)
    logit = engine.run(batch)
    assert opened.card == CARD
    assert (logit.shape, logit.dtype) == ((shape[0], 1, *shape[1:]), np.float32)
    # bfloat16 keeps 8 bits: the products of three channels of about 10 err by up to some 0.2
    np.testing.assert_allclose(logit[:, 0], -10 * batch.mean(axis=1), atol=0.3)
    before = logit.copy()
    engine.run(batch + 1)
    np.testing.assert_array_equal(logit, before)  # an answer is the caller's own


@pytest.mark.parametrize("name", INSTALLED)
def test_an_engine_may_be_run_by_many_threads_at_once(model: Path, name: EngineName) -> None:
    engine, _ = open_engine(model, name, threads=2, at_once=2)
    batches = [np.full((1, 1, 16, 32), index, np.float32) for index in range(16)]
    answers: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=index: answers.update({i: engine.run(batches[i])})) for index in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(16):
        np.testing.assert_allclose(answers[index], -10.0 * index, atol=1)


def test_an_engine_that_is_absent_or_unknown_is_refused_in_one_line(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fissura.segmenting.engines.openvino_is_installed", lambda: False)
    with pytest.raises(FissuraError, match=r"openvino: not installed; run: pip install 'fissura\[fast\]'"):
        Segmenter(model, engine="openvino")
    with pytest.raises(FissuraError, match="engine 'tpu': there is none"):
        Segmenter(model, engine="tpu")
    assert Segmenter(model, engine="auto").engine.name == "onnxruntime"  # no choice, no measuring


@needs_openvino
def test_results_of_two_engines_are_not_taken_for_comparable(model: Path) -> None:
    identities = {name: Segmenter(model, engine=name).identity for name in ENGINES}
    assert len(set(identities.values())) == len(ENGINES)
    # at once or not, with many threads or few, results are the same
    assert Segmenter(model, engine="openvino", at_once=2, threads=2).identity == identities["openvino"]


class _Slow:
    """An engine that takes its time, or answers wrongly."""

    def __init__(self, inner: object, seconds: float, error: float = 0) -> None:
        self._inner, self._seconds, self._error = inner, seconds, error
        self.name, self.arithmetic, self.at_once = inner.name, inner.arithmetic, inner.at_once
        self.runs = 0

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.runs += 1
        threading.Event().wait(self._seconds)
        return self._inner.run(batch) + self._error


def _make_slow(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], error: float = 0) -> list[_Slow]:
    opened: list[_Slow] = []

    def slow(path: Path, name: EngineName, **settings: int) -> tuple[_Slow, object]:
        engine, model = open_engine(path, "onnxruntime", **settings)
        opened.append(_Slow(engine, seconds[name], error if name == "openvino" else 0))
        return opened[-1], model

    monkeypatch.setattr(choosing, "open_engine", slow)
    monkeypatch.setattr(choosing, "installed_engines", lambda: ENGINES)
    monkeypatch.setattr(choosing, "version", lambda name: "1")
    monkeypatch.setattr(choosing, "_SECONDS", 0.05)
    return opened


@pytest.mark.parametrize(("faster", "slower"), [ENGINES, ENGINES[::-1]])
def test_the_faster_engine_is_chosen_once_and_remembered(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, faster: str, slower: str
) -> None:
    opened = _make_slow(monkeypatch, {faster: 0.001, slower: 0.02})
    first = choose_engine(model, threads=1)
    assert first.name == faster
    assert first.tile_ms[faster] < first.tile_ms[slower]
    assert f"{faster} {first.tile_ms[faster]:.3g} ms" in str(first)
    opened.clear()
    assert choose_engine(model, threads=1) == first
    assert [engine.runs for engine in opened] == [0]
    choose_engine(model, threads=2)  # other threads, another race
    assert any(engine.runs for engine in opened)


def test_an_engine_that_answers_otherwise_is_not_chosen(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_slow(monkeypatch, {"onnxruntime": 0.01, "openvino": 0}, error=1.0)
    assert choose_engine(model, threads=1).name == "onnxruntime"


@pytest.mark.parametrize("damage", ["not JSON", "[]", '{"a": 1}'])
def test_a_damaged_or_unwritable_cache_is_no_obstacle(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    _make_slow(monkeypatch, {"onnxruntime": 0.01, "openvino": 0})
    cache.parent.mkdir(parents=True)
    cache.write_text(damage)
    assert choose_engine(model, threads=1).name == "openvino"
    cache.unlink()
    cache.mkdir()  # a folder in its place cannot be written over
    assert choose_engine(model, threads=1).name == "openvino"


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("at_once", [1, 3])
def test_a_batch_gives_what_one_photograph_after_the_other_gives(
    tmp_path: Path, name: EngineName, at_once: int
) -> None:
    model = write_model(tmp_path / "model.onnx", network(kernel_px=5))
    paths = []
    for index, side_px in enumerate([64, 40, 200, 64, 90, 64, 33, 64, 64, 150]):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(cracked_photo(side_px, crack=20 + 10 * index)).save(paths[-1])
    alone = Segmenter(model, engine=name, threads=3)
    batch = list(segment_photos(paths, Segmenter(model, engine=name, threads=3, at_once=at_once)))
    assert [answer.path for answer in batch] == paths
    for answer in batch:
        assert isinstance(answer, Segmented)
        expected = alone.segment(answer.segmentation.photo)
        np.testing.assert_array_equal(answer.segmentation.mask, expected.mask)
        np.testing.assert_allclose(answer.segmentation.probability, expected.probability, atol=1e-5)


def test_a_batch_works_on_as_many_photographs_as_it_may_and_no_more(model: Path, tmp_path: Path) -> None:
    segmenter = Segmenter(model, threads=2, at_once=2)
    counting = _Slow(segmenter.engine, 0.01)
    lock, now, most = threading.Lock(), 0, 0
    segment = segmenter.segment

    def counted(photo: np.ndarray) -> object:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        try:
            return segment(photo)
        finally:
            with lock:
                now -= 1

    segmenter.engine, segmenter.segment = counting, counted
    Image.fromarray(cracked_photo()).save(tmp_path / "a.png")
    answers = segment_photos([tmp_path / "a.png"] * 30, segmenter)
    next(answers)
    threading.Event().wait(0.3)  # a caller who takes long holds up the decoding, too
    assert counting.runs <= 8
    assert len(list(answers)) == 29
    assert most == 3


def test_stopping_a_batch_leaves_no_thread_behind(model: Path, tmp_path: Path) -> None:
    Image.fromarray(cracked_photo()).save(tmp_path / "a.png")
    answers = segment_photos([tmp_path / "a.png"] * 1000, Segmenter(model))
    next(answers)
    with pytest.raises(KeyboardInterrupt):
        answers.throw(KeyboardInterrupt)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("segment")] == []


def test_runs_at_once_are_as_many_as_there_are_cores_and_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fissura.segmenting.cores.usable_cores", lambda: 16)
    assert [runs_at_once(photos) for photos in (0, 1, 3, 500)] == [1, 1, 3, 4]
    monkeypatch.setattr("fissura.segmenting.cores.usable_cores", lambda: 2)
    assert runs_at_once(500) == 2


@needs_openvino
def test_a_network_that_fails_is_left_to_the_photographs_to_say(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> NoReturn:
        raise ValueError("of the runtime's own kind")

    monkeypatch.setattr(choosing, "_probability", fails)
    monkeypatch.setattr(choosing, "_cached", lambda _: None)
    assert choose_engine(model, threads=1) == choosing.Choice("onnxruntime")
