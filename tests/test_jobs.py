"""From a folder of results to measurements, a report and other programs' files, as the command line's user does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import fissura
from fissura.cli.jobs import Format
from fissura.exchanging import EXPORT_FORMATS
from fissura.painting import draw_surface
from fissura.photos import load_data, read_mask
from fissura.verbs.scales import Scale
from model_files import network, write_model
from test_cli import refused, run, save

LENGTH_PX, WIDTH_PX = 200, 6


def wall(thickness_px: int = WIDTH_PX, length_px: int = LENGTH_PX) -> np.ndarray:
    photo = np.full((240, 320, 3), 170, np.uint8)
    photo[100 : 100 + thickness_px, 40 : 40 + length_px] = 30
    return photo


@pytest.fixture
def job(tmp_path: Path, model: Path) -> Path:
    """Two photographs segmented, one cracked; and one that is none."""
    save(tmp_path / "walls/north/1.png", wall())
    save(tmp_path / "walls/south/1.png", np.full((240, 320, 3), 170, np.uint8))
    (tmp_path / "walls/broken.jpg").write_bytes(b"no picture")
    status, _, stderr = run("segment", tmp_path / "walls", "--model", model, "--out", tmp_path / "job")
    assert status == 0, stderr
    return tmp_path / "job"


def test_measure_writes_cracks_and_photographs_with_units(job: Path) -> None:
    status, stdout, stderr = run("measure", job, "--mm-per-px", 0.5)
    assert status == 0, stderr
    assert "skipped: 1 photograph" in stderr
    crack = pd.read_csv(job / "cracks.csv").iloc[0]
    assert crack["photo"] == "north/1.png"
    assert crack["length_px"] == pytest.approx(LENGTH_PX, rel=0.03)
    assert crack["length_mm"] == pytest.approx(LENGTH_PX * 0.5, rel=0.03)
    assert crack["width_mean_mm"] == pytest.approx(WIDTH_PX * 0.5, rel=0.05)
    photographs = pd.read_csv(job / "photographs.csv").set_index("photo")
    assert photographs["cracks"].to_dict() == {"north/1.png": 1, "south/1.png": 0}
    assert photographs.loc["north/1.png", "severity"] == "wide"
    assert Image.open(job / "cracks" / "north" / "1.png.jpg").size[0] >= 320
    assert "cracks\t1" in stdout


@pytest.mark.parametrize(
    ("scale", "mm_per_px"),
    [((), None), (("--mm-per-px", 0.25), 0.25), (("--known-length", 50, 0, 0, 0, 100), 0.5)],
)
def test_the_scale_may_be_told_in_several_ways_or_not_at_all(
    job: Path, scale: tuple[object, ...], mm_per_px: float | None
) -> None:
    assert run("measure", job, *scale)[0] == 0
    told = pd.read_csv(job / "photographs.csv")["mm_per_px"]
    assert told.isna().all() if mm_per_px is None else (told == mm_per_px).all()


def test_the_scale_that_segmenting_was_told_holds_until_another_is_told(tmp_path: Path, model: Path) -> None:
    save(tmp_path / "walls/1.png", wall())
    job = tmp_path / "job"
    run("segment", tmp_path / "walls", "--model", model, "--out", job, "--mm-per-px", 0.25)
    for scale, mm_per_px in (((), 0.25), (("--mm-per-px", 0.5), 0.5)):
        assert run("measure", job, *scale)[0] == 0
        assert pd.read_csv(job / "photographs.csv")["mm_per_px"].tolist() == [mm_per_px]
    assert run("report", job)[0] == 0
    assert "0.25 mm per px" in (job / "report.html").read_text("utf-8")
    for damaged, which in (('"mm_per_px": "a word"', "mm_per_px"), ('"model": [1]', "model")):
        (job / "model.json").write_text(f"{{{damaged}}}", "utf-8")
        assert f"its {which} cannot be used; segment the photographs again" in refused("report", job)


def test_measures_of_another_scale_do_not_stay(tmp_path: Path, model: Path) -> None:
    save(tmp_path / "walls/1.png", wall())
    segment = {"out": tmp_path / "job", "model": model, "engine": "onnxruntime"}
    fissura.segment([tmp_path / "walls"], mm_per_px=0.2, **segment)
    fissura.measure_job(tmp_path / "job")
    fissura.segment([tmp_path / "walls"], mm_per_px=0.2, resume=True, **segment)
    assert (tmp_path / "job/cracks.csv").exists()
    fissura.segment([tmp_path / "walls"], mm_per_px=0.4, resume=True, **segment)
    assert not (tmp_path / "job/cracks.csv").exists()


def test_a_whole_number_of_mm_is_a_scale_and_resuming_keeps_it(tmp_path: Path, model: Path) -> None:
    save(tmp_path / "walls/1.png", wall())
    segment = {"out": tmp_path / "job", "model": model, "engine": "onnxruntime"}
    fissura.segment([tmp_path / "walls"], mm_per_px=2, **segment)
    for _ in range(2):
        fissura.measure_job(tmp_path / "job")
        assert pd.read_csv(tmp_path / "job/cracks.csv")["length_mm"][0] == pytest.approx(2 * LENGTH_PX, rel=0.03)
        fissura.segment([tmp_path / "walls"], resume=True, **segment)


def test_tables_name_photographs_as_they_are_and_drawings_safely(tmp_path: Path, model: Path) -> None:
    names = ["10:30.png", "wall.bmp", "wall.png"]
    for name in names:
        save(tmp_path / "walls" / name, wall())
    fissura.segment([tmp_path / "walls"], out=tmp_path / "job", model=model)
    fissura.measure_job(tmp_path / "job")
    assert pd.read_csv(tmp_path / "job/cracks.csv")["photo"].tolist() == names
    drawings = {path.name for path in (tmp_path / "job/cracks").iterdir()}
    assert drawings == {"10_30.png.jpg", "wall.bmp.jpg", "wall-2.png.jpg"}
    fissura.export(tmp_path / "job", format="coco", out=tmp_path / "cracks.json")
    back = fissura.import_masks(tmp_path / "cracks.json", photos=tmp_path / "walls", out=tmp_path / "corrected")
    assert (back.cracked, back.skipped) == (3, ())


def test_drawings_of_an_earlier_measuring_do_not_stay(job: Path, model: Path, tmp_path: Path) -> None:
    assert run("measure", job)[0] == 0
    assert list((job / "cracks").rglob("*.jpg"))
    stricter = "--min-extent-px", 300, "--min-extent-fraction", 1
    assert run("segment", tmp_path / "walls", "--model", model, "--out", job, *stricter)[0] == 0
    assert run("measure", job)[0] == 0
    assert not list((job / "cracks").rglob("*.jpg"))


def test_segmenting_fewer_photographs_clears_the_drawings_and_tables_of_the_others(
    tmp_path: Path, model: Path
) -> None:
    job = tmp_path / "job"
    photos = [save(tmp_path / f"walls/{name}.png", wall()) for name in ("north/a.b", "south/10:30")]
    fissura.segment([tmp_path / "walls"], out=job, model=model)
    fissura.measure_job(job)
    fissura.report(job)
    assert len(list((job / "cracks").rglob("*.jpg"))) == 2
    fissura.segment(photos[:1], out=job, model=model)
    left = {path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()}
    assert left == {"results.csv", "model.json", "masks/a.b.png", "probability/a.b.png", "overlays/a.b.jpg"}


def test_two_scales_and_senseless_ones_are_refused(job: Path) -> None:
    assert "told in two ways" in refused("measure", job, "--mm-per-px", 1, "--distance-mm", 1000)
    assert "scale: 0 mm per px" in refused("measure", job, "--mm-per-px", 0)
    assert "scale: 1e+300 mm per px is none" in refused("report", job, "--mm-per-px", 1e300)
    assert "scale: 1e+300 mm per px is none" in refused("report", job, "--known-length", 1e300, 0, 0, 1, 0)
    assert "scale: 2e+06 mm per px is none" in refused(
        "segment", job.parent / "walls", "--out", job, "--mm-per-px", 2e6
    )
    assert "--severity hair: is no class" in refused("measure", job, "--mm-per-px", 1, "--severity", "hair")
    above = refused("measure", job, "--mm-per-px", 1, "--severity", "hair=0.1", "--severity", "fine=0.3")
    assert above == "error: severity: no class is for cracks above 0.3 mm; add one without a limit, such as wide=inf"


def test_own_width_classes_decide_the_severity(job: Path) -> None:
    classes = ("--severity", "narrow=2.9", "--severity", "broad=inf")
    assert run("measure", job, "--mm-per-px", 0.5, *classes)[0] == 0
    assert pd.read_csv(job / "cracks.csv")["severity"].tolist() == ["broad"]


def test_the_report_names_its_model_its_settings_and_what_was_skipped(job: Path) -> None:
    status, stdout, stderr = run("report", job, "--title", "Quay <wall>", "--fact", "Bay: 3", "--mm-per-px", 0.5)
    assert status == 0, stderr
    page = (job / "report.html").read_text("utf-8")
    assert str(job / "report.html") in stdout
    for text in ("Quay &lt;wall&gt;", "Bay", "dark is crack", "broken.jpg", "0.5 mm per px", "hairline up to 0.1 mm"):
        assert text in page
    assert "medium up to 1 mm, wide above 1 mm<" in page
    for setting, value in (("engine", ".*float32 .*"), ("resize", "1.0"), ("glance", "False"), ("views", "1")):
        assert re.search(rf"<dt>{setting}</dt><dd><bdi>{value}</bdi>", page)
    assert not re.search(r"(src|href)=.?https?:", page)
    facts = json.loads((job / "model.json").read_text("utf-8"))
    (job / "model.json").write_text(
        json.dumps({name: facts[name] for name in ("model", "cleaning")}), "utf-8"
    )  # older
    assert run("report", job)[0] == 0
    without_scale = (job / "report.html").read_text("utf-8")
    assert "none: measures are in px" in without_scale
    assert "Width classes" not in without_scale


@pytest.mark.parametrize("verb", [("report",), ("export", "--format", "csv")])
def test_nothing_is_written_over_what_the_job_consists_of(verb: tuple[str, ...], job: Path, tmp_path: Path) -> None:
    parts = "results.csv", "model.json", "masks/north/1.png", "probability/south/1.png", "../walls/north/1.png"
    for part in parts:
        before = (job / part).read_bytes()
        error = refused(verb[0], job, *verb[1:], "--out", job / part)
        assert f"{part}: is read here and would be written over; choose another --out" in error
        assert (job / part).read_bytes() == before
    for _ in range(2):  # over what it wrote itself it may
        assert run(verb[0], job, *verb[1:], "--out", tmp_path / "out")[0] == 0


def test_two_facts_of_one_name_are_refused(job: Path) -> None:
    assert "--fact Bay: 4: there is another Bay" in refused("report", job, "--fact", "Bay: 3", "--fact", "Bay: 4")


def test_every_format_is_offered_and_written(job: Path, tmp_path: Path) -> None:
    assert get_args(Format) == EXPORT_FORMATS
    for one in set(EXPORT_FORMATS) - {"geojson", "geopackage"}:  # these need georeferenced photographs
        out = tmp_path / "exported" / one
        status, _, stderr = run("export", job, "--format", one, "--out", out)
        assert status == 0, stderr
        assert out.exists()
    coco = json.loads((tmp_path / "exported" / "coco").read_text("utf-8"))
    assert [image["file_name"] for image in coco["images"]] == ["north/1.png", "south/1.png"]
    assert len(coco["annotations"]) == 1


def test_corrected_masks_come_back_and_join_the_photographs(job: Path, tmp_path: Path) -> None:
    assert run("export", job, "--format", "cvat", "--out", tmp_path / "cracks.zip")[0] == 0
    status, stdout, stderr = run(
        "import-masks", tmp_path / "cracks.zip", "--photos", tmp_path / "walls", "--out", tmp_path / "corrections"
    )
    assert status == 0, stderr
    assert "cracked\t1" in stdout
    corrected = load_data(tmp_path / "corrections").cracked[0]
    assert corrected.mask is not None
    drawn = read_mask(job / "masks" / "north" / "1.png")
    np.testing.assert_array_equal(read_mask(corrected.mask), drawn)


def test_pictures_of_a_job_among_the_photographs_are_not_what_a_mask_is_for(tmp_path: Path, model: Path) -> None:
    save(tmp_path / "walls/1.png", wall())
    fissura.segment([tmp_path / "walls"], out=tmp_path / "walls/job", model=model)
    content = {"images": [{"id": 1, "file_name": "upload/0a1b2c3d-1.png"}], "categories": [], "annotations": []}
    (tmp_path / "a.json").write_text(json.dumps(content), "utf-8")
    back = fissura.import_masks(tmp_path / "a.json", photos=tmp_path / "walls", out=tmp_path / "corrected")
    assert (back.uncracked, back.skipped) == (1, ())


def test_compare_tells_new_length(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx", network(bias=-25.0))  # of the dark, the darkest is crack
    stones = np.kron(np.random.default_rng(0).integers(-25, 25, (60, 80, 1)), np.ones((4, 4, 1), int))
    before, after = (
        save(tmp_path / f"{length}.png", np.clip(wall(length_px=length) + stones, 0, 255).astype(np.uint8))
        for length in (120, 200)
    )
    status, stdout, stderr = run("compare", before, after, "--model", model, "--out", tmp_path / "change")
    assert status == 0, stderr
    change = pd.read_csv(tmp_path / "change" / "changes.csv").iloc[0]
    assert (change["kind"], change["length_growth_px"]) == ("grown", pytest.approx(80, abs=6))
    assert "registration error" in stdout
    assert Image.open(tmp_path / "change" / "change.png").size[0] > 600


def test_compare_does_not_write_over_the_photographs(tmp_path: Path, model: Path) -> None:
    before, after = save(tmp_path / "change.png", wall()), save(tmp_path / "b.png", wall())
    assert "change.png: is read here" in refused("compare", before, after, "--model", model, "--out", tmp_path)


def test_compare_with_a_scale_finds_what_segment_finds_with_it(tmp_path: Path) -> None:
    """From near, this crack is a row of dark stripes, each too short for a mask."""
    model = write_model(tmp_path / "model.onnx", network(bias=-30.0))
    place = draw_surface("plaster", 480, 640, np.random.default_rng(5))
    place[200:240, 100:540] = np.where(np.arange(440) // 2 % 2 == 0, 10, 130)[:, None]
    before, after = save(tmp_path / "before.png", place), save(tmp_path / "after.png", place[::2, ::2])
    compared = fissura.compare(before, after, out=tmp_path / "change", model=model, scale=Scale(mm_per_px=0.025))
    (change,) = compared.comparison.changes
    assert change.kind == "unchanged"
    assert change.length_after_px == pytest.approx(440, rel=0.1)


def test_a_scale_that_cannot_be_found_out_is_said_before_the_network_is_read(tmp_path: Path) -> None:
    before, after = save(tmp_path / "before.png", wall()), save(tmp_path / "after.png", wall())
    without_exif = ("compare", before, after, "--out", tmp_path / "change", "--distance-mm", 1000)
    assert "EXIF" in refused(*without_exif, "--model", tmp_path / "none.onnx")


def test_photographs_of_different_places_cannot_be_compared(tmp_path: Path, model: Path) -> None:
    before, after = save(tmp_path / "a.png", wall()), save(tmp_path / "b.png", np.full((99, 99, 3), 90, np.uint8))
    refused("compare", before, after, "--model", model, "--out", tmp_path / "change")
    assert not (tmp_path / "change").exists()


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    for verb in ("measure", "report"):
        assert "run fissura segment first" in refused(verb, tmp_path)
    assert "run fissura segment first" in refused("export", tmp_path, "--format", "csv", "--out", tmp_path / "x")


def test_a_photograph_that_has_gone_is_skipped_and_named(job: Path, tmp_path: Path) -> None:
    (tmp_path / "walls/south/1.png").unlink()
    status, stdout, stderr = run("measure", job)
    assert status == 0
    counted, broken, gone = stderr.splitlines()
    assert counted == "skipped: 2 photographs"
    assert broken.startswith(f"  {tmp_path / 'walls/broken.jpg'}: is no JPEG")  # said when it was segmented
    assert gone == f"  {tmp_path / 'walls/south/1.png'}: no such file; check the spelling"
    assert "photographs\t1" in stdout
    (tmp_path / "walls/north/1.png").unlink()
    assert refused("measure", job).startswith(f"error: {tmp_path / 'walls/broken.jpg'}: ")


def test_scale_from_python() -> None:
    assert Scale(known_length=(300.0, 0.0, 0.0, 3.0, 4.0)).of(Path("any.jpg")) == 60.0


def test_compare_tells_new_cracks_and_no_ends_at_the_edge_of_the_view(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx", network(bias=-35.0))  # the surface is not as dark as a crack
    place = draw_surface("plaster", 300, 500, np.random.default_rng(5))
    place[200:206, 380:480] = 20  # its end in the earlier photograph is too short for a mask
    before = save(tmp_path / "before.png", place[:, :400])
    place[80:86, 150:350] = 20
    after = save(tmp_path / "after.png", place[:, 100:])
    status, stdout, stderr = run("compare", before, after, "--out", tmp_path / "change", "--model", model)
    assert status == 0, stderr
    table = pd.read_csv(tmp_path / "change/changes.csv").set_index("kind")
    assert re.search(
        r"^new\t\t\d+(?:\t(?:199|20\d)\.\d\d){2}\t–$", stdout, re.MULTILINE
    )  # the width has not grown from any
    assert sorted(table.index) == ["new", "unchanged"]
    assert table.loc["new", "length_growth_px"] == pytest.approx(200, rel=0.03)
    assert table.loc["unchanged", "length_growth_px"] == pytest.approx(20, abs=2)
    assert table.loc["unchanged", "length_uncertainty_px"] == pytest.approx(64, rel=0.01)  # the model's least extent
