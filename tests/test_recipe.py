from __future__ import annotations

import pytest

from fissura.errors import FissuraError
from fissura.learning import load_recipe, recipe_names


def test_every_recipe_that_ships_loads_and_describes_itself() -> None:
    assert {"painted", "seed", "seed-frozen", "seed-unet", "supervised"} <= set(recipe_names())
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name
        assert len(recipe.description) > 10


def test_the_seed_recipe_is_the_original() -> None:
    recipe = load_recipe("seed")
    assert (recipe.batch, recipe.crop_px, recipe.learning_rate) == (32, 448, 1e-4)
    assert recipe.steps == 3 * 9603 // 32
    assert (recipe.augment, recipe.calibrate, recipe.normalisation) == (False, False, "imagenet")
    assert (recipe.cleaning.low, recipe.cleaning.high, recipe.cleaning.min_extent_px) == (0.5, 0.5, 0)


def test_changes_replace_the_recipes_own_settings_and_none_leaves_them() -> None:
    recipe = load_recipe("painted", steps=30, network=None)
    assert recipe.steps == 30
    assert recipe.network == load_recipe("painted").network


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        ("nosuch", {}, "painted"),
        ("painted", {"steps": 0}, "steps"),
        ("painted", {"crop_px": 100}, "crop_px"),
        ("painted", {"painter": {"fading": [0.9, 0.2]}}, "painter: .*fading: 0.9 to 0.2"),
        ("painted", {"painter": {"fading": [-0.1, 0.2]}}, "painter: .*fading"),
        ("painted", {"painter": {"width_px": [0, 9]}}, "painter: .*width_px: 0 to 9"),
        ("painted", {"painter": {"visibility": [3, 2]}}, "painter: .*visibility"),
    ],
)
def test_a_wrong_recipe_or_setting_is_one_line_that_names_it(
    name: str, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(FissuraError, match=named) as caught:
        load_recipe(name, **changes)
    assert "\n" not in str(caught.value)


def test_self_training_rounds_begin_with_epochs_and_follow_one_another() -> None:
    recipe = load_recipe("painted", steps=120, epoch_steps=10, self_training_from=0.5, self_training_rounds=3)
    rounds = [recipe.self_training_round(step) for step in range(recipe.total_steps)]
    assert rounds[:60] == [0] * 60
    assert rounds == sorted(rounds)
    assert set(rounds) == {0, 1, 2, 3}
    assert all(step % 10 == 0 for step in range(1, 120) if rounds[step] != rounds[step - 1])


def test_recipes_without_self_training_never_begin_it() -> None:
    for recipe in (load_recipe("seed"), load_recipe("supervised"), load_recipe("painted", self_training_rounds=0)):
        assert {recipe.self_training_round(step) for step in range(recipe.total_steps)} == {0}


def test_a_run_of_one_epoch_ends_before_its_teacher_could_teach() -> None:
    recipe = load_recipe("painted", steps=1, epoch_steps=10)
    assert {recipe.self_training_round(step) for step in range(-1, recipe.total_steps)} == {0}
