"""Reading model files, ours and others'."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from fissura.errors import FissuraError
from fissura.segmenting import FORMAT_VERSION, read_card
from model_files import CARD, network, write_model


def refusal(path: Path) -> str:
    """Give the one line with which a file is refused, without its name."""
    with pytest.raises(FissuraError) as caught:
        read_card(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "; " in message  # what is wrong; the mend
    return message.removeprefix(f"{path}: ")


def test_card_comes_back_as_written(tmp_path: Path) -> None:
    card = CARD.model_copy(update={"provenance": "walls of Zürich – 1 200 photographs", "seed": 2**40})
    assert read_card(write_model(tmp_path / "ours.onnx", card=card)) == card


def test_fields_of_later_releases_of_this_format_are_passed_over(tmp_path: Path) -> None:
    path = write_model(tmp_path / "ours.onnx", card=CARD.model_dump() | {"colour": "grey"})
    assert read_card(path) == CARD


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not an ONNX file"),
        (b"a text file", "not an ONNX file"),
        (b"PK\x03\x04" + bytes(500), "not an ONNX file"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_files_that_are_not_onnx_are_refused(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "other.onnx"
    if content is not None:
        path.write_bytes(content)
    assert problem in refusal(path)


def test_folders_and_giants_are_refused_unread(tmp_path: Path) -> None:
    giant = tmp_path / "giant.onnx"
    with giant.open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: takes no room on the disk
    assert "larger than 1 GiB" in refusal(giant)
    assert "cannot be read (no file)" in refusal(tmp_path)
    if hasattr(os, "mkfifo"):  # Windows has none
        os.mkfifo(tmp_path / "pipe.onnx")
        assert "cannot be read (no file)" in refusal(tmp_path / "pipe.onnx")


def test_truncated_model_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "cut.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    assert "not an ONNX file" in refusal(path)


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        (None, "not a Fissura model file"),
        ("{", "model card cannot be read"),
        ("[1, 2]", "model card cannot be read"),
        ("[" * 100_000, "model card cannot be read"),
        ("{}", "model card cannot be read"),
        (CARD.model_dump() | {"format_version": FORMAT_VERSION + 1}, "update Fissura"),
        (CARD.model_dump() | {"format_version": 0}, "wrong at format_version"),
        (CARD.model_dump() | {"format_version": "new"}, "wrong at format_version"),
        (CARD.model_dump() | {"normalisation": "none"}, "wrong at normalisation"),
        (CARD.model_dump() | {"tile_px": 72}, "tile_px (72) must be a multiple of 16"),
        (CARD.model_dump() | {"tile_px": 10**9}, "wrong at tile_px"),
        (CARD.model_dump() | {"overlap_px": 64}, "overlap_px (64) must be at most tile_px - multiple_px (64 - 16)"),
        (CARD.model_dump() | {"cleaning": {"low": 0.5}}, "wrong at cleaning.high"),
        ({"format_version": 1, "name": "no more"}, "wrong at recipe"),
    ],
)
def test_wrong_cards_are_refused(tmp_path: Path, card: Any, problem: str) -> None:
    assert problem in refusal(write_model(tmp_path / "wrong.onnx", card=card))


def model_with_ends(photo: list[Any], logit: list[Any], names: tuple[str, str]) -> ModelProto:
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, (photo, logit), strict=True)
    ]
    pool = helper.make_node("ReduceMean", [names[0]], [names[1]], axes=[1], keepdims=1)
    graph = helper.make_graph([pool], "other", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("photo", "logit", "names", "problem"),
    [
        (["b", 1, "h", "w"], ["b", 1, "h", "w"], ("photo", "logit"), None),
        (["b", 1, "h", "w"], ["b", 1, "h", "w"], ("image", "logit"), "does not take `photo`"),
        (["b", 1, "h", "w"], ["b", 1, "h", "w"], ("photo", "mask"), "does not take `photo`"),
        (["b", 3, "h", "w"], ["b", 1, "h", "w"], ("photo", "logit"), "does not take `photo`"),
        ([1, 1, 224, 224], [1, 1, 224, 224], ("photo", "logit"), "of one size only"),
    ],
)
def test_networks_with_other_ends_are_refused(
    tmp_path: Path, photo: list[Any], logit: list[Any], names: tuple[str, str], problem: str | None
) -> None:
    path = write_model(tmp_path / "ends.onnx", model_with_ends(photo, logit, names))
    if problem is None:
        assert read_card(path) == CARD
    else:
        assert problem in refusal(path)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "{folder}/weights.bin"])
def test_weights_outside_the_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for place in (folder, tmp_path):
        np.ones(3, np.float32).tofile(place / "weights.bin")
    model = network()
    kernel = model.graph.initializer[0]
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    kernel.external_data.add(key="location", value=location.format(folder=folder))
    kernel.external_data.add(key="length", value="12")
    monkeypatch.chdir(folder)
    assert "weights are not inside the file" in refusal(write_model(folder / "split.onnx", model))


def test_custom_operators_are_refused(tmp_path: Path) -> None:
    model = network()
    model.graph.node[0].domain = "elsewhere"
    model.opset_import.append(helper.make_opsetid("elsewhere", 1))
    assert "operators that onnxruntime does not have" in refusal(write_model(tmp_path / "op.onnx", model))
