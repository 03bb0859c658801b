"""The benchmark's own arithmetic: what counts as measured, how seeds are put together, what a table says."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fissura.learning import load_recipe
from fissura.learning.exporting import replace_card
from fissura.painting import PainterSettings, draw_surface, paint_cracks
from fissura.photos import save_image
from fissura.segmenting import bundled_model, read_card

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from field import has_run, of_cracked, why_left
from methods import finished
from methods.tuning import HeldOut, Tuned
from report.choices import choice_lines
from report.figures import MEAN, methods_of
from report.page import write_report
from report.paired import paired_difference
from report.targets import fairness_lines, target_lines
from row import Row
from rows import ROWS
from unmasked import judge_unmasked

PAINTED = Row("painted", "ours", settings={"recipe": "painted"})
ONLY = next(row for row in ROWS if row.name == "painted-only")
SUPERVISED = Row("supervised", "masks", "recipe", "human masks", {"recipe": "supervised"})


def _result(row: Row, dice: float, **changes: Any) -> dict[str, Any]:
    figures = {"dice_cracked": dice, "tolerance_f1_2px": dice, "false_alarm_rate": 0.01}
    return {
        "row": row.facts(),
        "recipe" if row.method == "recipe" else "settings": row.full_settings(),
        "start": row.start(),
        "data_fingerprint": "f",
        "training": {"steps": 2000, "cpu_minutes": 60.0, "minutes": 40.0, "cores": 2, "precision": "32-true"},
        "cleaning": {"low": 0.5, "high": 0.9, "min_extent_px": 64.0, "min_extent_fraction": 0.2},
        "held_out": None,
        "summary": [
            {"scope": scope, "metric": metric, "value": value, "low95": value - 0.1, "high95": value + 0.1, "n": 8}
            for scope in ("overall", "CFD", MEAN)
            for metric, value in figures.items()
        ],
    } | changes


def test_rows_that_differ_in_more_than_their_seed_have_different_names() -> None:
    assert len({row.file for row in ROWS}) == len(ROWS)
    for row in ROWS:
        same = [other for other in ROWS if other.name == row.name]
        assert {(other.method, other.uncracked, str(other.full_settings())) for other in same} == {
            (row.method, row.uncracked, str(row.full_settings()))
        }


def test_a_result_counts_as_long_as_recipe_seed_and_data_are_the_same() -> None:
    result = _result(PAINTED, 0.7)
    assert PAINTED.is_answered_by(result, "f")
    assert not PAINTED.is_answered_by(result, "other photographs")
    assert not Row("painted", "ours", settings={"recipe": "painted"}, seed=1).is_answered_by(result)
    assert not Row("painted", "ours", settings={"recipe": "painted"}, uncracked=4).is_answered_by(result)
    assert not Row("painted", "ours", settings={"recipe": "painted", "steps": 9}).is_answered_by(result)


def test_a_result_that_began_with_another_bundled_model_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from_random = replace(PAINTED, settings=PAINTED.settings | {"pretrained": False})
    of_painted, of_random = _result(PAINTED, 0.7), _result(from_random, 0.6)
    runs = PAINTED.run, from_random.run
    monkeypatch.setattr("row.bundled_start", lambda: {"weights": "another"})
    assert not PAINTED.is_answered_by(of_painted)
    assert from_random.is_answered_by(of_random)
    assert (PAINTED.run != runs[0], from_random.run == runs[1]) == (True, True)


def test_a_bundled_model_that_draws_other_masks_is_the_same_start_and_one_of_another_extent_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = finished.bundled_start()
    copied = tmp_path / "box.onnx"
    shutil.copy(bundled_model(), copied)
    monkeypatch.setattr(finished, "bundled_model", lambda: copied)
    card = read_card(copied)
    starts = []
    for changes in ({"low": 0.01, "closing_px": 5}, {"min_extent_fraction": 0.01}):
        replace_card(copied, card.model_copy(update={"cleaning": card.cleaning.model_copy(update=changes)}))
        starts.append(finished.bundled_start.__wrapped__())
    assert (starts[0] == before, starts[1] == before) == (True, False)


def test_a_recipe_described_in_other_words_is_the_same() -> None:
    result = _result(PAINTED, 0.7)
    result["recipe"]["description"] = "other words"
    assert PAINTED.is_answered_by(result)


def test_a_setting_that_recipes_gained_since_counts_with_its_default() -> None:
    result = _result(PAINTED, 0.7)
    del result["recipe"]["pooling"]
    assert PAINTED.is_answered_by(result)
    result["recipe"]["a setting of old"] = 1
    assert not PAINTED.is_answered_by(result)


def test_a_row_can_be_scored_again_as_long_as_what_it_trained_stands(tmp_path: Path) -> None:
    seed, tuned = (next(row for row in ROWS if row.name == name) for name in ("seed", "seed-tuned"))
    peer = next(row for row in ROWS if row.method == "grad-cam")
    box = next(row for row in ROWS if row.method == "box")
    assert [has_run(row, tmp_path) for row in (seed, tuned, peer, box)] == [False, False, False, True]
    for file in (f"{seed.run}/model.onnx", f"grad-cam-{peer.seed}/answered.json"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    assert all(has_run(row, tmp_path) for row in (seed, tuned, peer, box))


def test_a_row_that_takes_the_model_of_another_waits_for_it(tmp_path: Path) -> None:
    box, seen = (next(row for row in ROWS if row.name == name) for name in ("box", "painted-four-views"))
    assert "run painted first" in str(why_left(seen, False, False, tmp_path))
    assert [why_left(row, False, False, tmp_path) for row in (box, PAINTED)] == [None, None]
    model = tmp_path / f"painted-0-{seen.settings['run']}" / "model.onnx"
    model.parent.mkdir()
    model.touch()
    assert why_left(seen, False, False, tmp_path) is None
    assert why_left(seen, True, False, tmp_path) == "done already"


def test_seeds_are_put_together_as_mean_and_standard_deviation() -> None:
    seeds = [Row("painted", "ours", settings={"recipe": "painted"}, seed=seed) for seed in range(3)]
    (method,) = methods_of([(row, _result(row, dice)) for row, dice in zip(seeds, (0.6, 0.7, 0.8), strict=True)])
    figure = method.figure(MEAN, "dice_cracked")
    assert figure is not None
    assert (figure.value, figure.spread, figure.seeds) == (pytest.approx(0.7), pytest.approx(0.1), 3)
    assert str(figure) == "0.700 ± 0.100 (3)"


def test_stale_results_are_never_mixed_with_current_ones() -> None:
    second = Row("painted", "ours", settings={"recipe": "painted"}, seed=1)
    stale = _result(second, 0.1, recipe=load_recipe("painted", steps=100).model_dump(mode="json"))
    (method,) = methods_of([(PAINTED, _result(PAINTED, 0.7)), (second, stale)])
    assert method.value(MEAN, "dice_cracked") == pytest.approx(0.7)
    assert not method.is_stale
    (alone,) = methods_of([(second, stale)])
    assert alone.is_stale


@pytest.mark.parametrize(("dice", "answer"), [(0.70, "yes"), (0.60, "no")])
def test_targets_are_judged_against_the_supervised_row(dice: float, answer: str) -> None:
    methods = methods_of([(PAINTED, _result(PAINTED, dice)), (SUPERVISED, _result(SUPERVISED, 0.7))])
    assert target_lines(methods, ["CFD"])[2].endswith(f"| {dice / 0.7:.3f} | {answer} |")
    assert "equal steps" in fairness_lines(methods)[2]


def test_targets_show_what_four_views_reach_besides() -> None:
    views = next(row for row in ROWS if row.name == "painted-four-views" and row.seed == 0)
    rows = (PAINTED, 0.63), (SUPERVISED, 0.7), (views, 0.665)
    methods = methods_of([(row, _result(row, dice)) for row, dice in rows])
    assert target_lines(methods, ["CFD"])[2].endswith("| 0.900 | no | 0.950 |")


def test_methods_are_compared_photograph_by_photograph_whole_groups_at_a_time() -> None:
    rng = np.random.default_rng(1)
    theirs = rng.uniform(0.2, 0.9, 24)  # what is hard for one method is hard for the other
    ours = theirs + np.repeat(rng.normal(0.02, 0.02, 12), 2)  # tiles of one wall differ alike
    groups = [f"wall {place // 2}" for place in range(24)]

    def photos(values: np.ndarray) -> pd.DataFrame:
        names = [f"{place}.jpg" for place in range(24)]
        place = {"photo": names, "source": "CFD", "group": groups}
        return pd.DataFrame(place | {"dice": values, "tolerance_f1_2px": values}).sample(frac=1, random_state=2)

    second = replace(PAINTED, seed=1)
    painted, masks, bare = methods_of(
        [
            (PAINTED, _result(PAINTED, 0.6, photos=photos(ours - 0.01))),
            (second, _result(second, 0.6, photos=photos(ours + 0.01))),
            (SUPERVISED, _result(SUPERVISED, 0.6, photos=photos(theirs))),
            (ONLY, _result(ONLY, 0.6)),
        ]
    )
    difference = paired_difference(painted, masks, "CFD", "dice")
    assert difference is not None
    assert difference.value == pytest.approx((ours - theirs).mean())
    by_group = (ours - theirs).reshape(12, 2).mean(axis=1)
    independent = stats.bootstrap((by_group,), np.mean, method="percentile", random_state=3).confidence_interval
    assert (difference.low95, difference.high95) == pytest.approx(tuple(independent), abs=0.001)
    assert paired_difference(painted, bare, "CFD", "dice") is None
    assert any(line.endswith(f"| yes | {difference} |") for line in target_lines([painted, masks], ["CFD"]))


def test_of_the_cracked_photographs_names_are_kept_and_one_without_a_group_is_its_own() -> None:
    columns = {"source": "CFD", "has_truth": True, "dice": 0.56789, "tolerance_f1_2px": 1.0, "score": 0.9}
    photos = pd.DataFrame(
        [
            {"photo": "/data/test/a.jpg", "group": "wall 1", "label": "cracked"} | columns,
            {"photo": "/data/test/b.jpg", "group": "", "label": "cracked"} | columns,
            {"photo": "/data/test/c.jpg", "group": "", "label": "uncracked"} | columns,
            {"photo": "/data/test/d.jpg", "group": "", "label": "cracked"} | columns | {"has_truth": False},
        ]
    )
    kept = of_cracked(photos).to_dict("list")
    assert (kept["photo"], kept["group"]) == (["a.jpg", "b.jpg"], ["wall 1", "b.jpg"])
    assert kept["dice"] == [0.5679, 0.5679]
    assert set(kept) == {"photo", "source", "group", "dice", "tolerance_f1_2px"}


@pytest.mark.parametrize("pair", ["from-random", "compact"])
def test_labels_and_masks_are_compared_like_for_like_too(pair: str) -> None:
    names = ("painted", 0.7), ("supervised", 0.8), (f"painted-{pair}", 0.6), (f"supervised-{pair}", 0.5)
    rows = [(next(row for row in ROWS if row.name == name), dice) for name, dice in names]
    lines = target_lines(methods_of([(row, _result(row, dice)) for row, dice in rows]), ["CFD"])
    table = lines[lines.index(f"| `painted-{pair}` | target | measured | reached |") :]
    assert lines[-len(table) - 2].endswith("; seeds: 1 and 1.")
    assert table[2].endswith("| 1.200 | yes |")
    assert not any("`supervised`" in line for line in table)


def test_a_comparison_with_a_row_trained_less_proves_nothing() -> None:
    less = {"steps": 500, "cpu_minutes": 15.0, "minutes": 10.0, "cores": 2, "precision": "32-true"}
    methods = methods_of([(PAINTED, _result(PAINTED, 0.9)), (SUPERVISED, _result(SUPERVISED, 0.5, training=less))])
    assert target_lines(methods, ["CFD"])[2].endswith("| open |")
    assert "less than half" in fairness_lines(methods)[2]


def test_minutes_of_a_recipe_on_another_kind_of_processor_are_not_compared() -> None:
    spent = {"steps": 500, "cpu_minutes": 90.0, "minutes": 60.0, "cores": 2, "precision": "bf16-mixed"}
    methods = methods_of([(PAINTED, _result(PAINTED, 0.7)), (SUPERVISED, _result(SUPERVISED, 0.7, training=spent))])
    assert "do not compare" in fairness_lines(methods)[2]


def test_minutes_are_those_of_runs_that_were_never_stopped() -> None:
    seeds = [replace(SUPERVISED, seed=seed) for seed in range(3)]
    spent = [(60.0, 50.0, False), (3.0, 2.0, True), (30.0, 40.0, False)]
    results = [
        (row, _result(row, 0.7, training={"steps": 9, "cpu_minutes": cpu, "minutes": wall, "is_resumed": resumed}))
        for row, (wall, cpu, resumed) in zip(seeds, spent, strict=True)
    ]
    (method,) = methods_of(results)
    assert (method.minutes, method.cpu_minutes, method.is_cost_known) == (30.0, 45.0, True)
    (stopped,) = methods_of(results[1:2])
    assert (stopped.minutes, stopped.cpu_minutes, stopped.is_cost_known) == (3.0, 2.0, False)


def test_minutes_on_a_graphics_card_are_told_apart_from_those_on_a_plain_processor() -> None:
    spent = {"steps": 9, "cpu_minutes": 40.0, "minutes": 30.0, "cores": 2, "precision": "bf16-mixed"}
    fast = spent | {"cpu_minutes": 15.0, "minutes": 5.0, "cores": 16, "gpu": "a card"}
    seeds = [replace(SUPERVISED, seed=seed) for seed in range(2)]
    results = [
        (row, _result(row, 0.7, training=training)) for row, training in zip(seeds, (fast, spent), strict=True)
    ]
    (both,) = methods_of(results)
    assert (both.minutes, both.cpu_minutes, both.cores, both.arithmetic) == (30.0, 40.0, 2, "bfloat16")
    (stopped,) = methods_of([results[0], (seeds[1], _result(seeds[1], 0.7, training=spent | {"is_resumed": True}))])
    assert not stopped.is_cost_known  # the card's whole run says nothing of the processor's
    (card,) = methods_of(results[:1])
    assert (card.minutes, card.arithmetic) == (5.0, "bfloat16, a card")
    assert not card.costs_like(both)


def test_the_report_fills_the_readme_between_its_markers(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("before\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter\n")
    for _ in range(2):  # written twice, it stands once
        write_report([(PAINTED, _result(PAINTED, 0.7))], tmp_path / "benchmarks")
    lines = (tmp_path / "README.md").read_text("utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "| painted | labels | 0.70 | 0.70 | 0.01 |" in lines
    assert "old" not in lines
    page = (tmp_path / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert "| painted | 0.700 [0.600, 0.800] | 0.700 [0.600, 0.800] |" in page
    assert "| CFD | 8 | 8 | CrackForest" in page
    assert (tmp_path / "benchmarks" / "results" / "field_dice.png").stat().st_size > 5_000


def test_surprise_is_how_rarely_uncracked_photographs_reach_a_score() -> None:
    rng = np.random.default_rng(0)
    surfaces = [rng.integers(100, 200, (120, 160, 3), np.uint8) for _ in range(4)]
    photo = surfaces[0].copy()
    photo[60:64, 10:150] = 5  # a dark line, darker than anything uncracked
    mask = photo[..., 0] == 5
    tuned = Tuned(lambda p: 255.0 - p[..., 0].astype(np.float32), HeldOut([(photo, mask)], surfaces, [photo]))
    assert tuned.probability(photo)[mask].min() == 1.0
    assert np.median(tuned.probability(surfaces[1])) == pytest.approx(np.log10(2) / 4, abs=0.01)  # half reach it
    assert tuned.segment(photo).mask[mask].all()
    assert not tuned.segment(surfaces[1]).mask.any()


def test_the_report_shows_what_recipes_are_chosen_by_as_means_over_the_seeds_that_were_judged() -> None:
    names = ("missed", "false_alarms", "metu_missed", "metu_false_alarms")

    def judged(wrong: int, dice: float) -> dict[str, dict[str, float]]:
        counts = dict.fromkeys(names, float(wrong))
        own = counts | {"painted_dice": dice, "painted_f1_2px": dice, "wide_dice": dice}
        return {"own": own, "common": own | {"missed": 0.0}, "photos": dict.fromkeys(names, 100.0)}

    seeds = [replace(PAINTED, seed=seed) for seed in range(3)]
    found = [{"unmasked": judged(2, 0.6)}, {"unmasked": judged(3, 0.7)}, {}]  # the third is older than such figures
    methods = methods_of([(row, _result(row, 0.7, **more)) for row, more in zip(seeds, found, strict=True)])
    cells = "| 0 (2.5) | 2.5 (2.5) | 2.5 (2.5) | 2.5 (2.5) | 0.650 (0.650) | 0.650 (0.650) | 0.650 (0.650) | 2 |"
    assert f"| painted {cells}" in choice_lines(methods)
    assert choice_lines(methods_of([(PAINTED, _result(PAINTED, 0.7))])) == []


def test_a_model_is_judged_by_labels_and_painted_cracks_of_the_training_split_without_opening_a_mask(
    tmp_path: Path,
) -> None:
    surface = draw_surface("concrete", 256, 256, np.random.default_rng(0))
    painter = PainterSettings(deep_share=1.0, network_share=1.0)
    cracked = paint_cracks(surface, np.random.default_rng(2), painter).photo
    for folder, photo in [("metu/cracked", cracked), ("metu/uncracked", surface)]:
        save_image(tmp_path / folder / "1.png", photo)
    for split, as_labelled in [("train", cracked), ("test", surface)]:
        save_image(tmp_path / "field" / split / "images" / "CFD_1.png", as_labelled)
        save_image(tmp_path / "field" / split / "images" / "noncrack_CFD_2.png", surface)
        mask = tmp_path / "field" / split / "masks" / "CFD_1.png"
        mask.parent.mkdir()
        mask.write_text("no picture, so that opening it would fail")
    silent = read_card(bundled_model()).cleaning.model_copy(update={"low": 0.99, "high": 1.0})
    model = Path(shutil.copy(bundled_model(), tmp_path / "silent.onnx"))
    replace_card(model, read_card(model).model_copy(update={"cleaning": silent}))
    judged = json.loads(json.dumps(judge_unmasked(model, tmp_path)))  # as a result file keeps it
    assert judged["photos"] == {"missed": 1, "false_alarms": 1, "metu_missed": 1, "metu_false_alarms": 1}
    assert (judged["own"]["missed"], judged["own"]["metu_missed"], judged["own"]["painted_dice"]) == (1, 1, 0)
    assert (judged["common"]["missed"], judged["common"]["metu_missed"]) == (0, 0)
    assert (judged["own"]["false_alarms"], judged["common"]["false_alarms"]) == (0, 0)
    assert judged["common"]["painted_dice"] > 0.3
