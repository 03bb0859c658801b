"""The report is one page that loads nothing, says units, escapes every name, and takes photographs one at a time."""

from __future__ import annotations

import base64
import gc
import io
import re
import weakref
from collections.abc import Iterator
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fissura.errors import FissuraError
from fissura.painting import draw_surface
from fissura.reporting.histogram import draw_histogram
from fissura.reporting.report import write_report
from fissura.reporting.report_keeping import MeasuredPhoto, SkippedPhoto
from hand_measured import hand_measured, straight_branch

SHAPE = (240, 320)
VOID = {"meta", "img", "br", "hr", "link", "input"}
CREATED = datetime(2026, 3, 4, 5, 6, tzinfo=timezone.utc)


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, texts, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.texts.append(" ".join(data.split()))

    def pictures(self) -> list[Image.Image]:
        sources = [attributes["src"] for tag, attributes in self.tags if tag == "img"]
        return [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in sources]


def measured(
    name: str = "wall.jpg",
    width_px: float = 4.0,
    mm_per_px: float | None = None,
    severity: str | None = None,
) -> MeasuredPhoto:
    branch = straight_branch((40, 120), (240, 120), width_px)
    measurement = hand_measured(SHAPE, [[branch]], mm_per_px, [severity])
    return MeasuredPhoto(Path("/survey") / name, np.full((*SHAPE, 3), 150, np.uint8), measurement)


def uncracked(name: str, mm_per_px: float | None = None) -> MeasuredPhoto:
    return MeasuredPhoto(
        Path("/survey") / name, np.full((*SHAPE, 3), 150, np.uint8), hand_measured(SHAPE, [], mm_per_px)
    )


def written(out: Path, *items: MeasuredPhoto | SkippedPhoto, **settings: object) -> Page:
    write_report(items, out / "report.html", created=CREATED, **settings)  # type: ignore[arg-type]
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    return page


def figures(page: Page) -> dict[str, str]:
    summary = page.texts[page.texts.index("Summary") :]
    names = ("Photographs", "Cracked", "Cracks", "Total length", "Density", "Widest")
    return {name: summary[summary.index(name) + 1] for name in names if name in summary}


def test_nothing_is_loaded_or_run(tmp_path: Path) -> None:
    page = written(tmp_path, measured(), SkippedPhoto(Path("/survey/x.jpg"), "is empty"))
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base"})
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action", "data"):
            assert attributes.get(name, "data:").startswith(("data:image/webp;base64,", "data:", "#"))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|//[a-z]|@import|url\(", re.sub(r"base64,[^\"]*", "", html))
    policies = [tag["content"] for _, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert "default-src 'none'" in policies[0]


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)<!script>.jpg",
        '"><img src=x onerror=alert(1)>.jpg',
        "{{ 7 * 7 }}{% raw %}.jpg",
        "a&lt;b&amp;c.jpg",
        "\u202egnp.exe\n.jpg",
        "bad\udcff.jpg",  # bytes that are no text, as Linux allows in names
    ],
)
def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path, name: str) -> None:
    broken = SkippedPhoto(Path("/survey/more") / name, f"{name} is damaged")
    page = written(tmp_path, measured(name), broken, facts={name: name}, settings={name: name}, title=name)
    shown = " ".join(name.encode("utf-8", "backslashreplace").decode().split())
    assert page.texts.count(shown) >= 6  # title, heading, facts, settings, photograph and close-up
    assert f"more/{shown}" in page.texts
    assert f"{shown} is damaged" in page.texts
    assert not any(tag == "script" or "onerror" in attributes for tag, attributes in page.tags)


def test_without_a_scale_everything_is_in_px_and_says_so(tmp_path: Path) -> None:
    page = written(tmp_path, measured(), uncracked("clean.jpg"))
    assert any(text.startswith("No scale: lengths and widths are in px") for text in page.texts)
    assert figures(page) == {
        "Photographs": "2",
        "Cracked": "1",
        "Cracks": "1",
        "Total length": "200 px",
        "Density": "1,302",  # 200 px in 2 * 240 * 320 px
        "Widest": "4.0 px",
    }
    assert "width / px" in page.texts
    assert not any(re.search(r"\d mm\b", text) for text in page.texts)


def test_with_a_scale_everything_is_in_mm_and_m(tmp_path: Path) -> None:
    page = written(tmp_path, measured("a.jpg", 4.0, 0.5), measured("b.jpg", 2.0, 10.0), uncracked("c.jpg", 0.5))
    assert not any("No scale" in text or "no scale" in text for text in page.texts)
    assert figures(page)["Total length"] == "2.1 m"  # 200 px of 0.5 mm and 200 px of 10 mm
    assert figures(page)["Widest"] == "20.0 mm"
    assert figures(page)["Density"] == "0.272 m/m²"  # 2.1 m over 76,800 px of 100, 0.25 and 0.25 mm2
    assert "width / mm" in page.texts


def test_photographs_without_a_scale_count_in_no_total_where_others_have_one(tmp_path: Path) -> None:
    page = written(tmp_path, measured("a.jpg", 4.0, 0.5), measured("b.jpg", 30.0))
    assert any(text.startswith("1 photograph has no scale") for text in page.texts)
    assert figures(page)["Total length"] == "100 mm"
    assert figures(page)["Widest"] == "2.00 mm"
    assert "30.0 px" in page.texts


def test_a_direction_just_below_180_degrees_is_0(tmp_path: Path) -> None:
    branch = straight_branch((40, 120), (240, 121), 4.0)  # falls by 0.29 degrees
    measurement = hand_measured(SHAPE, [[branch]])
    assert measurement.cracks[0].orientation_deg > 179.5
    page = written(tmp_path, MeasuredPhoto(Path("wall.jpg"), np.full((*SHAPE, 3), 150, np.uint8), measurement))
    assert page.texts[page.texts.index("Direction") + 1] == "0°, diagonal"


def test_the_histogram_of_directions_shows_where_a_cross_runs(tmp_path: Path) -> None:
    cross = [straight_branch((40, 120), (240, 120), 4.0), straight_branch((140, 20), (140, 220), 4.0)]
    crossed = MeasuredPhoto(Path("wall.jpg"), np.full((*SHAPE, 3), 150, np.uint8), hand_measured(SHAPE, [cross]))
    page = written(tmp_path, crossed)
    (said,) = (tag["aria-label"] for _, tag in page.tags if "direction" in (tag.get("aria-label") or ""))
    assert said is not None
    assert {"0 to 15: 50", "90 to 105: 50", "45 to 60: 0"} <= set(said.partition(": ")[2].split(", "))


def test_the_widest_cracks_come_first_and_only_so_many(tmp_path: Path) -> None:
    widths = [3.0, 9.0, 1.0, 7.0, 5.0, *range(10, 19)]
    page = written(tmp_path, *(measured(f"{width:g}.jpg", width) for width in widths))
    start, end = page.texts.index("Widest cracks"), page.texts.index("Photographs", page.texts.index("Widest cracks"))
    order = [text for text in page.texts[start:end] if text.endswith(".jpg")]
    assert order == [f"{width}.jpg" for width in (*range(18, 8, -1), 7, 5)]  # 12 of 14
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links[-3:] == ["#photo-2", "#photo-4", "#photo-5"]
    assert {f"photo-{place}" for place in range(1, 15)} <= {attributes.get("id") for _, attributes in page.tags}


def test_pictures_are_whole_and_small(tmp_path: Path) -> None:
    page = written(tmp_path, measured(mm_per_px=0.2), uncracked("clean.jpg", 0.2))
    pictures = page.pictures()
    assert len(pictures) == 4  # close up, widest place, two photographs
    for picture in pictures:
        picture.load()
        assert max(picture.size) <= 700


def test_severities_are_counted_the_worst_first(tmp_path: Path) -> None:
    page = written(
        tmp_path,
        measured("a.jpg", 1.0, 0.1, "hairline"),
        measured("b.jpg", 9.0, 0.1, "wide"),
        measured("c.jpg", 1.5, 0.1, "hairline"),
    )
    start = page.texts.index("Severity")
    head = ["Severity", "Cracks", "Length", "Worst of photographs"]
    assert page.texts[start : start + 12] == [*head, "wide", "1", "20 mm", "1", "hairline", "2", "40 mm", "2"]
    assert page.texts[start + 12].startswith("A class follows from the width that 95 % of a crack stays below")


def test_what_is_not_plain_is_explained(tmp_path: Path) -> None:
    page = written(tmp_path, measured(mm_per_px=0.1))
    assert page.texts[-1].endswith("confidence is the mean probability of its pixels.")
    assert not any(text.startswith("A class follows") for text in page.texts)  # where there are none


def test_a_narrow_crack_with_one_wide_place_is_not_the_worst(tmp_path: Path) -> None:
    wide_place = straight_branch((240, 60), (246, 60), 14.0)
    narrow = [straight_branch((40, 60), (240, 60), 4.0), wide_place]  # a 29th of its length
    cracks = [narrow, [straight_branch((40, 120), (240, 120), 7.0)]]
    measurement = hand_measured(SHAPE, cracks, 0.05, ["fine", "medium"])
    page = written(tmp_path, MeasuredPhoto(Path("wall.jpg"), np.full((*SHAPE, 3), 150, np.uint8), measurement))
    start = page.texts.index("Severity")
    assert [page.texts[start + 4], page.texts[start + 8]] == ["medium", "fine"]


def test_settings_provenance_and_skipped_photographs_are_listed(tmp_path: Path) -> None:
    page = written(
        tmp_path,
        measured("in/a.jpg"),
        SkippedPhoto(Path("/survey/in/b.jpg"), "is damaged (truncated); copy it again"),
        facts={"Object": "Quay wall"},
        settings={"Threshold": 0.5},
        provenance={"Recipe": "painted", "Licence": "Apache-2.0"},
    )
    for text in ("Quay wall", "Threshold", "0.5", "Recipe", "painted", "Apache-2.0", "b.jpg", "1 skipped"):
        assert text in page.texts
    assert "is damaged (truncated); copy it again" in page.texts
    assert any("2026-03-04 05:06 UTC" in text for text in page.texts)


@pytest.mark.parametrize("items", [[], [uncracked("clean.jpg")], [SkippedPhoto(Path("/survey/x.jpg"), "is empty")]])
def test_jobs_without_a_crack_or_a_photograph_have_a_report(
    tmp_path: Path, items: list[MeasuredPhoto | SkippedPhoto]
) -> None:
    page = written(tmp_path, *items)
    assert figures(page)["Cracks"] == "0"
    assert "Widest cracks" not in page.texts
    assert not any(tag == "svg" for tag, _ in page.tags)


def test_one_photograph_is_held_at_a_time(tmp_path: Path) -> None:
    pixels: list[weakref.ref[np.ndarray]] = []

    def photographs() -> Iterator[MeasuredPhoto]:
        for place in range(6):
            item = measured(f"{place}.jpg", width_px=2.0 + place)
            pixels.append(weakref.ref(item.photo))
            yield item
            del item
            gc.collect()
            assert [kept() for kept in pixels] == [None] * len(pixels)

    write_report(photographs(), tmp_path / "report.html")
    assert len(pixels) == 6


def test_fifty_photographs_stay_below_five_megabytes(tmp_path: Path) -> None:
    surface = draw_surface("asphalt", 720, 960, np.random.default_rng(3))  # the hardest to compress
    branches = [straight_branch((60.0, 120.0 * k), (860.0, 120.0 * k + 60), float(k)) for k in range(1, 6)]
    measurement = hand_measured((720, 960), [[branch] for branch in branches], 0.3, ["wide"] * 5)
    items = (
        MeasuredPhoto(Path(f"/survey/{place:02}.jpg"), np.roll(surface, 31 * place, axis=1), measurement)
        for place in range(50)
    )
    write_report(items, tmp_path / "report.html")
    size = (tmp_path / "report.html").stat().st_size
    assert 200_000 < size < 5_000_000


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FissuraError, match="cannot be written"):
        write_report([measured()], tmp_path / "file" / "report.html")


def test_histograms_count_what_numpy_counts() -> None:
    values = np.random.default_rng(4).gamma(2.0, 3.0, 200)
    svg = draw_histogram(values.tolist(), "length / <mm>")
    assert "<mm>" not in svg
    said = re.findall(r"([\d.]+) to ([\d.]+): ([\d.]+)", str(svg))
    for low, high, count in said:
        assert int(count) == ((values >= float(low)) & (values < float(high))).sum()
    assert sum(int(count) for *_, count in said) == 200
    tallest = max(float(height) for height in re.findall(r'class="bar"[^>]*height="([\d.]+)"', str(svg)))
    assert 71 <= tallest <= 142  # of the field's 142: the top is a round number, at most twice the tallest


def test_weighted_histograms_give_shares_of_the_weight() -> None:
    svg = draw_histogram([10.0, 100.0, 170.0], "direction", edges=range(0, 181, 90), weights=[1.0, 1.0, 2.0])
    assert "0 to 90: 25" in svg
    assert "90 to 180: 75" in svg
