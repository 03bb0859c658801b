"""Quantising: a model file whose layers compute in 8 bits, about twice as fast where the CPU helps.

1. Uncracked photographs, and the same ones with cracks painted on, run through the network, and the range of
   every layer's values is noted (static post-training quantisation; Jacob et al. 2018, arXiv:1712.05877). No
   mask and no label is used.
2. Activations become unsigned, weights signed 8-bit integers with a scale per output channel, stored in ONNX's
   own QuantizeLinear and DequantizeLinear nodes, so that every engine runs the one file. The first and the last
   convolution stay as they are: they see the photograph and make the logits, where rounding costs most, and
   OpenVINO took longer to round and unround at these ends than 8 bits save there.
3. The masks of both models are compared on painted cracks that the ranges were not taken from. A model that
   does not agree with its original is not written.

CPUs with VNNI instructions (or Arm's dot products) gain; without them a quantised model is hardly faster.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.files import written_whole
from fissura.learning.exporting import quiet, replace_card
from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.photos import read_photo
from fissura.segmenting import ModelCard, Segmenter, normalise, read_card

LEAST_DICE = 0.98  # of the masks of both models
_CALIBRATING, _COMPARING = 16, 12  # photographs; ranges settle after about ten
_SIDE_PX = 256  # of a photograph that stands for one: the ranges of a layer hardly depend on the size


@dataclass(frozen=True)
class Quantised:
    """What quantising leaves.

    Attributes:
        model: the 8-bit model file.
        dice: agreement of its masks with the original's, in [0, 1], over painted cracks.
    """

    model: Path
    dice: float


def quantise(model: Path, photos: Sequence[Path], out: Path, *, seed: int = 0) -> Quantised:
    """Write the 8-bit version of a model file.

    Args:
        model: the ``.onnx`` model file to start from.
        photos: uncracked photographs like those the model is for; procedural surfaces if there are none.
        out: the ``.onnx`` file to write; its card is the original's, with ``arithmetic`` ``"int8"``.
        seed: seed of the painted cracks and of which photographs are taken.

    Returns:
        The file and how well it agrees with the original.

    Raises:
        FissuraError: if the model file cannot be used or is quantised already, no photograph can be read,
            or the masks of both models do not agree.

    Example:
        >>> quantise(Path("walls.onnx"), [], Path("walls-int8.onnx")).dice  # doctest: +SKIP
        0.994
    """
    card = read_card(model)
    if card.arithmetic != "float32":
        raise FissuraError(f"{model}: computes in {card.arithmetic} already; give the model it was made from")
    if out.exists() and out.samefile(model):
        raise FissuraError(f"{out}: is the model to start from; choose another --out")
    rng = np.random.default_rng(seed)
    surfaces = _surfaces(photos, card, rng)
    with tempfile.TemporaryDirectory() as folder:
        quantised = Path(folder) / "int8.onnx"
        write_int8(model, surfaces[:_CALIBRATING], quantised, rng)
        dice = agreement(model, quantised, [paint_cracks(one, rng).photo for one in surfaces[_CALIBRATING:]])
        if not dice >= LEAST_DICE:
            raise FissuraError(
                f"{out}: not written, for its masks agree with those of {model} at a Dice of {dice:.3f} only; "
                "give uncracked photographs like those the model is for, or stay with the float32 model"
            )
        content = quantised.read_bytes()
    with written_whole(out) as temporary:
        temporary.write_bytes(content)
    return Quantised(out, dice)


def write_int8(model: Path, surfaces: Sequence[NDArray[np.uint8]], out: Path, rng: np.random.Generator) -> None:
    """Write the 8-bit version of a model file, whatever its masks are then worth.

    Args:
        model: the ``.onnx`` model file to start from.
        surfaces: (H, W, 3) uint8 RGB each, without cracks; H and W multiples of the card's ``multiple_px``.
        out: the ``.onnx`` file to write.
        rng: source of randomness of the painted cracks.
    """
    card = read_card(model)
    with tempfile.TemporaryDirectory() as folder, quiet():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            out,
            _Calibration(surfaces, card, rng),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=_ends(prepared),
        )
    replace_card(out, card.model_copy(update={"arithmetic": "int8"}))


def _ends(model: Path) -> list[str]:
    """Name a network's nodes up to its first convolution, and those from its last one on."""
    nodes = onnx.load(model).graph.node  # in the order of computation
    convolutions = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    if not convolutions:
        return []
    return [node.name for node in (*nodes[: convolutions[0] + 1], *nodes[convolutions[-1] :])]


def agreement(model: Path, other: Path, photos: Sequence[NDArray[np.uint8]]) -> float:
    """Compare two models' masks, before pieces too short are taken away, which would hide or double a difference.

    Args:
        model: a model file.
        other: another one; the first one's threshold ``low`` counts.
        photos: (H, W, 3) uint8 RGB each.

    Returns:
        Dice over the pixels of all photographs together, in [0, 1]; NaN where neither model marks a pixel.
    """
    segmenters = Segmenter(model), Segmenter(other)
    low = segmenters[0].cleaning.low
    both = either = 0
    for photo in photos:
        first, second = (segmenter.probability(photo) > low for segmenter in segmenters)
        both += 2 * int(np.count_nonzero(first & second))
        either += int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return float(both / either) if either else float("nan")


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands each surface to the network twice: as it is, and with cracks painted on."""

    def __init__(self, surfaces: Sequence[NDArray[np.uint8]], card: ModelCard, rng: np.random.Generator) -> None:
        painted = (paint_cracks(surface, rng).photo for surface in surfaces)
        self._photos: Iterator[NDArray[np.uint8]] = iter([*surfaces, *painted])
        self._card = card

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Give the next input of the network, None after the last."""
        photo = next(self._photos, None)
        if photo is None:
            return None
        return {"photo": normalise(photo, self._card.normalisation)[None]}  # (1, planes, H, W)


def _surfaces(photos: Sequence[Path], card: ModelCard, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Take crops of uncracked photographs, or draw surfaces: for calibrating, then for comparing."""
    side = -(-_SIDE_PX // card.multiple_px) * card.multiple_px
    count = _CALIBRATING + _COMPARING
    if not photos:
        return [draw_surface(SURFACES[index % len(SURFACES)], side, side, rng) for index in range(count)]
    readable: list[Path] = []
    for index in rng.permutation(len(photos)):
        with contextlib.suppress(UnreadablePhotoError):
            read_photo(photos[int(index)])
            readable.append(photos[int(index)])
        if len(readable) == count:
            break
    if not readable:
        raise FissuraError(f"{photos[0]}: not one photograph could be read, this one included; give other ones")
    # few photographs serve more than once
    return [_crop(read_photo(readable[index % len(readable)]), side, rng) for index in range(count)]


def _crop(photo: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a square of ``side`` px from anywhere in a photograph, a smaller one reflected to that size first."""
    short = [(0, max(0, side - length)) for length in photo.shape[:2]]
    photo = np.pad(photo, (*short, (0, 0)), mode="symmetric")
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    return photo[top : top + side, left : left + side]
