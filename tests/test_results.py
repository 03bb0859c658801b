"""The folder of results: its files, its table, going on after an interruption, and hostile names."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fissura.errors import FissuraError
from fissura.reporting.model_facts import ModelFacts, read_model_facts
from fissura.reporting.overlay import draw_overlay
from fissura.reporting.result_names import result_names
from fissura.reporting.results import ResultsFolder, without_results
from fissura.reporting.results_reading import read_results
from fissura.reporting.results_table import COLUMNS
from fissura.reporting.rle import encode

PIXELS = np.full((20, 30, 3), 120, np.uint8)
MASK = np.zeros((20, 30), bool)
MASK[9:12, 5:25] = True
PROBABILITY = np.where(MASK, 0.9, 0.1).astype(np.float32)


def photos_in(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a photograph")
        os.utime(path, (1e9, 1e9))  # older than any result
    return paths


def add(results: ResultsFolder, photo: Path, mask: np.ndarray = MASK) -> None:
    results.add(photo, PIXELS, PROBABILITY, mask, 0.9 if mask.any() else 0.1)


def table_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "results.csv", keep_default_na=False, dtype=str)


def files_in(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_pictures_and_table_hold_what_was_found(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "east/wall.jpg", "west/wall.jpg", "west/broken.jpg")
    results = ResultsFolder(out, photos, "model 1")
    assert results.pending == photos
    add(results, photos[0])
    add(results, photos[1], np.zeros_like(MASK))
    results.skip(photos[2], "is damaged, truly; copy it again")
    assert results.finish() == out / "results.csv"

    assert files_in(out) == {"results.csv"} | {
        f"{folder}/{side}/wall.{suffix}"
        for folder, suffix in (("probability", "png"), ("masks", "png"), ("overlays", "jpg"))
        for side in ("east", "west")
    }
    np.testing.assert_array_equal(np.asarray(Image.open(out / "masks/east/wall.png")), MASK * 255)
    probability = np.asarray(Image.open(out / "probability/east/wall.png")) / 255
    np.testing.assert_allclose(probability, PROBABILITY, atol=0.5 / 255)
    assert Image.open(out / "overlays/east/wall.jpg").size == (30, 20)

    table = table_of(out)
    assert tuple(table.columns) == COLUMNS
    assert list(table.photo) == [str(photo) for photo in photos]
    assert list(table.verdict) == ["cracked", "uncracked", ""]
    assert list(table.skipped) == ["", "", "is damaged, truly; copy it again"]
    assert float(table.crack_fraction[0]) == pytest.approx(60 / 600)
    assert list(table.score) == ["0.900000", "0.100000", ""]
    assert list(table["mask"]) == ["masks/east/wall.png", "masks/west/wall.png", ""]


def test_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg")
    first = ResultsFolder(out, photos, "model 1")
    add(first, photos[0])
    first.skip(photos[1], "is damaged")
    add(first, photos[2])
    add(first, photos[3])
    partial = out / "results.partial.csv"
    partial.write_text(partial.read_text()[:-25])  # the run dies within the row of the fourth photograph
    assert not (out / "results.csv").exists()

    second = ResultsFolder(out, photos, "model 1", resume=True)
    assert second.pending == [photos[1], photos[3], photos[4]]  # what was skipped may be mended by now
    for photo in second.pending:
        add(second, photo)
    second.finish()

    table = table_of(out)
    assert list(table.photo) == [str(photo) for photo in photos]
    assert set(table.verdict) == {"cracked"}
    assert not partial.exists()


def test_only_the_pictures_asked_for_are_written_and_a_resumed_run_misses_none_of_the_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    first = ResultsFolder(out, photos, "model 1", pictures=["mask"])
    add(first, photos[0])
    add(first, photos[1])
    first.finish()
    assert files_in(out) == {"results.csv", "masks/1.png", "masks/2.png"}
    assert list(table_of(out)["mask"]) == ["masks/1.png", "masks/2.png"]
    assert list(table_of(out)["overlay"]) == ["", ""]
    with pytest.raises(FissuraError, match="without --only"):
        read_results(out)  # measuring needs the probability map

    assert ResultsFolder(out, photos, "model 1", resume=True, pictures=["mask"]).pending == []
    assert ResultsFolder(out, photos, "model 1", resume=True).pending == photos
    for none in ([], ["masks"], "mask"):
        with pytest.raises(FissuraError, match="name at least one of probability, mask, overlay"):
            ResultsFolder(out, photos, "model 1", pictures=none)


def test_finished_run_takes_more_photographs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    first = ResultsFolder(out, photos[:1], "model 1")
    add(first, photos[0])
    first.finish()
    assert ResultsFolder(out, photos, "model 1", resume=True).pending == photos[1:]


def test_a_second_run_that_was_interrupted_is_not_taken_for_the_first(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    first = ResultsFolder(tmp_path / "out", photos, "model 1")
    for photo in photos:
        add(first, photo)
    first.finish()
    assert len(read_results(tmp_path / "out")) == 2
    add(ResultsFolder(tmp_path / "out", photos, "model 2"), photos[0], ~MASK)
    with pytest.raises(FissuraError, match="has not finished; finish it with fissura segment --resume"):
        read_results(tmp_path / "out")


def test_pictures_of_an_earlier_run_do_not_stay_beside_those_of_a_later_one(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    for pictures in (("probability", "mask", "overlay"), ("mask",)):
        results = ResultsFolder(tmp_path / "out", photos, "model 1", pictures=pictures)
        add(results, photos[0])
        if "overlay" in pictures:
            add(results, photos[1])
        else:
            results.skip(photos[1], "is damaged")
        results.finish()
    assert files_in(tmp_path / "out") == {"masks/1.png", "results.csv"}


def segmented(out: Path, photos: list[Path]) -> None:
    results = ResultsFolder(out, photos, "model 1")
    for photo in photos:
        add(results, photo)
    results.finish()


def touched(out: Path, *names: str) -> set[str]:
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    return set(names)


def pictures_in(out: Path) -> set[str]:
    return {name for name in files_in(out) if "/" in name}


def test_a_run_over_other_photographs_leaves_nothing_of_the_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    segmented(out, photos)
    drawn = touched(out, "cracks/1.jpg.jpg", "cracks/2.jpg.jpg")
    made = touched(out, "cracks.csv", "photographs.csv", "report.html", "submission.csv")
    own = touched(out, "masks/mine.png", "cracks/mine.jpg", "notes.txt")
    segmented(out, photos)
    assert drawn | made | own < files_in(out)  # all of it still holds
    segmented(out, photos[:1])
    pictures = {"probability/1.png", "masks/1.png", "overlays/1.jpg"}
    assert files_in(out) == {"results.csv"} | pictures | own


def test_what_a_stopped_run_left_goes_when_another_begins_and_finished_results_stay_until_it_ends(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    first, second, third = photos_in(tmp_path / "in", "1.jpg", "2.jpg", "3.jpg")
    segmented(out, [first])
    finished = files_in(out)
    add(ResultsFolder(out, [second], "model 1"), second)
    assert len(pictures_in(out)) == 6
    last = ResultsFolder(out, [third], "model 1")
    assert files_in(out) == finished | {"results.partial.csv"}
    add(last, third)
    last.finish()
    assert pictures_in(out) == {"probability/3.png", "masks/3.png", "overlays/3.jpg"}


def test_a_picture_that_another_photograph_has_taken_is_made_again(tmp_path: Path) -> None:
    (ours,), (theirs,) = photos_in(tmp_path / "ours", "1.jpg"), photos_in(tmp_path / "theirs", "1.jpg")
    segmented(tmp_path / "out", [ours])
    add(ResultsFolder(tmp_path / "out", [theirs], "model 1"), theirs, ~MASK)  # and is stopped
    assert ResultsFolder(tmp_path / "out", [ours], "model 1", resume=True).pending == [ours]


def test_pictures_of_a_run_that_was_killed_before_their_row_are_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    segmented(tmp_path / "out", photos)
    killed = ResultsFolder(tmp_path / "out", photos, "model 2")
    with monkeypatch.context() as patch:
        patch.setattr(killed, "_record", lambda *_, **__: None)
        add(killed, photos[0], ~MASK)
    assert ResultsFolder(tmp_path / "out", photos, "model 1", resume=True).pending == photos[:1]


def test_measurements_stay_where_only_the_way_to_the_photographs_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg")
    segmented(tmp_path / "out", photos)
    made = touched(tmp_path / "out", "cracks/1.jpg.jpg", "cracks.csv", "report.html")
    monkeypatch.chdir(tmp_path)
    segmented(tmp_path / "out", [Path("in/1.jpg")])
    assert made < files_in(tmp_path / "out")


def test_a_planted_table_removes_nothing_that_segmenting_does_not_write(tmp_path: Path) -> None:
    out = tmp_path / "job/out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    segmented(out, photos[:1])
    kept = touched(tmp_path / "job", "precious.png", "out/notes/precious.png", "elsewhere/precious.png")
    (out / "masks/link").symlink_to(tmp_path / "job/elsewhere")
    table = (out / "results.csv").read_text()
    for name in ("masks/../../precious.png", "../precious.png", "notes/precious.png", "masks/link/precious.png"):
        (out / "results.csv").write_text(table.replace("masks/1.png", name))
        if "link" in name:
            with pytest.raises(FissuraError, match="a link that leads out"):
                segmented(out, photos[1:])
        else:
            segmented(out, photos[1:])
    assert kept <= files_in(tmp_path / "job")


def test_photographs_are_found_again_from_elsewhere_whatever_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos_in(tmp_path / "site", "in/1.jpg", os.fsdecode(b"in/caf\xe9.jpg"))
    photos_in(tmp_path / "elsewhere", "in/1.jpg")  # another one, though it goes by the same name
    monkeypatch.chdir(tmp_path / "site")
    photos = sorted(Path("in").iterdir())
    results = ResultsFolder(Path("out"), photos, "model 1")
    ModelFacts().write(Path("out"))
    for photo in photos:
        add(results, photo)
    results.finish()
    assert [result.photo for result in read_results(Path("out"))] == photos
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = [result.photo for result in read_results(tmp_path / "site/out")]
    assert found == [tmp_path / "site" / photo for photo in photos]
    out = tmp_path / "site/out"
    assert ResultsFolder(out, [Path("in/1.jpg")], "model 1", resume=True).pending == [Path("in/1.jpg")]
    assert ResultsFolder(out, found, "model 1", resume=True).pending == []


def test_pictures_that_batches_wrote_are_no_photographs(tmp_path: Path) -> None:
    photos = photos_in(tmp_path, "1.jpg", "masks/2.jpg")
    results = ResultsFolder(tmp_path / "job", photos, "model 1")
    add(results, photos[0])
    results.finish()
    written = photos_in(tmp_path / "job", "masks/1.png", "overlays/1.jpg", "cracks/1.jpg.jpg", "photographs/3.jpg")
    assert without_results([*photos, *written], [tmp_path]) == [*photos, written[-1]]


@pytest.mark.parametrize("change", ["settings", "picture", "photograph", "older photograph", "no resume"])
def test_results_that_no_longer_hold_are_made_again(tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "1.jpg", "2.jpg")
    first = ResultsFolder(out, photos, "model 1")
    for photo in photos:
        add(first, photo)
    first.finish()
    assert ResultsFolder(out, photos, "model 1", resume=True).pending == []
    if change == "picture":
        (out / "masks/1.png").unlink()
    if change == "photograph":
        os.utime(photos[0], (4e9, 4e9))
    if change == "older photograph":
        time.sleep(0.02)  # a file system's clock ticks in hundredths of a second
        photos_in(tmp_path, "another.jpg")[0].rename(photos[0])
    again = ResultsFolder(out, photos, "model 2" if change == "settings" else "model 1", resume=change != "no resume")
    assert again.pending == (photos if change in {"settings", "no resume"} else photos[:1])


def test_submission_holds_the_masks_of_earlier_runs_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", "a/1.jpg", "b/1.jpg", "b/2.jpg")
    add(ResultsFolder(out, photos, "model 1"), photos[0])
    second = ResultsFolder(out, photos, "model 1", resume=True)
    add(second, photos[1], np.zeros_like(MASK))
    second.skip(photos[2], "is damaged")
    second.finish(submission=True)
    table = pd.read_csv(out / "submission.csv", keep_default_na=False)
    assert list(table.file) == ["a/1.jpg", "b/1.jpg"]
    assert list(table.crack) == [encode(MASK), ""]


HOSTILE = [
    "..jpg",
    ". . .jpg",
    "a:b|c?.jpg",
    "a\nb\x1b[31m.jpg",
    "=cmd,'\"`$(x).jpg",
    "…/ü.jpg",
    "name.png",
    "name.jpg",
    "NAME.jpg",
    "name-2.jpg",
    "é" * 125 + ".jpg",
    os.fsdecode(b"\xff\xfe.jpg"),
    "\\..\\..\\up.jpg",
]


def test_hostile_names_stay_within_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    photos = photos_in(tmp_path / "in", *HOSTILE)
    results = ResultsFolder(out, photos, "model 1")
    for photo in photos:
        add(results, photo)
    results.finish(submission=True)

    assert set(tmp_path.iterdir()) == {tmp_path / "in", out}
    assert len(files_in(out / "masks")) == len({name.casefold() for name in files_in(out / "masks")})
    table = table_of(out)
    assert len(table) == table["mask"].nunique() == len(photos)
    assert all((out / mask).is_file() for mask in table["mask"])
    assert ResultsFolder(out, photos, "model 1", resume=True).pending == []


def test_a_photograph_beside_a_folder_of_its_pictures_name(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "in", "a.jpg", "A.PNG/b.jpg", "c.tif", "c.jpg/d/e.png")
    results = ResultsFolder(tmp_path / "out", photos, "model 1")
    for photo in photos:
        add(results, photo)
    assert files_in(tmp_path / "out/masks") == {"a-2.png", "A.PNG/b.png", "c-2.png", "c.jpg/d/e.png"}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=6),
            min_size=1,
            max_size=3,
        ).map(lambda parts: Path("/photos", *parts)),
        unique=True,
        max_size=8,
    )
)
def test_result_names_are_safe_and_unlike_each_other(photos: list[Path]) -> None:
    photos = [photo for photo in photos if photo.name and ".." not in photo.parts]
    names = list(result_names(photos).values())
    assert len(names) == len(photos) == len({name.casefold() for name in names})
    for name in names:
        assert not name.startswith("/")
        assert all(part not in {"", ".", ".."} and "\\" not in part for part in name.split("/"))


def test_unwritable_folder_is_told_before_work_begins(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(FissuraError, match=r"out: cannot be written"):
        ResultsFolder(tmp_path / "out", [], "model 1")


@pytest.mark.parametrize("grey", [20, 110, 250])
def test_overlay_marks_the_crack_and_leaves_the_rest(grey: int) -> None:
    photo = np.full((40, 60, 3), grey, np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[20, 10:50] = True
    drawn = draw_overlay(photo, mask)
    assert drawn.shape == photo.shape
    assert drawn.dtype == np.uint8
    differs = np.abs(drawn.astype(int) - photo).max(axis=2) > 30
    assert differs[19:22, 10:50].all()
    assert not differs[:17].any()
    assert not differs[24:].any()
    np.testing.assert_array_equal(draw_overlay(photo, np.zeros_like(mask)), photo)
    assert (photo == grey).all()  # the photograph itself is left alone


def test_no_planted_link_makes_results_go_elsewhere(tmp_path: Path) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg")
    elsewhere = photos_in(tmp_path / "elsewhere", "1.png")[0]
    results = ResultsFolder(tmp_path / "out", photos, "model 1")
    (tmp_path / "out/masks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FissuraError, match="a link that leads out"):
        add(results, photos[0])
    assert elsewhere.read_bytes() == b"a photograph"


@pytest.mark.parametrize("row", ["x.png,,,,gone", f"{'a/' * 3000}x.png,,,,gone,,,,"])
def test_a_damaged_table_is_refused(tmp_path: Path, row: str) -> None:
    photos = photos_in(tmp_path / "in", "1.jpg")
    results = ResultsFolder(tmp_path / "out", photos, "model 1")
    add(results, photos[0])
    with results.finish().open("a") as file:
        file.write(f"{row}\n")
    with pytest.raises(FissuraError, match="is damaged; run fissura segment again"):
        read_results(tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    ["[]", "[" * 100_000, '{"cleaning": [1]}', '{"seeing": [1]}', '{"mm_per_px": "abc"}', '{"mm_per_px": 1e300}'],
)
def test_damaged_facts_of_a_model_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(FissuraError, match=r"model\.json: .*; segment the photographs again"):
        read_model_facts(tmp_path)
