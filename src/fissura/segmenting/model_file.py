"""The model file: one ONNX graph that carries everything needed to use it.

The graph takes ``photo`` (B, planes, H, W) float32, normalised to one plane or three, and gives ``logit``
(B, 1, H, W) float32, with B, H and W free. Its metadata holds the model card as JSON under the key ``fissura``.

A model file may come from anywhere, so reading one runs no code of its own: ONNX is a list of known
operators, weights outside the file are refused, and libraries of custom operators are never loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fissura.errors import FissuraError
from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.normalising import PLANES, Normalisation

FORMAT_VERSION = 1
CARD_KEY = "fissura"
_MOST_BYTES = 2**30
_MEND = "give a model file made by `fissura train`"


class ModelCard(BaseModel):
    """What a model file says about itself: how to use it, and where it comes from.

    Attributes:
        format_version: version of this format; a file of a newer one is refused.
        name: the model's name.
        recipe: the recipe that trained it, such as ``"painted"``.
        network: the network's name, such as ``"compact"``.
        normalisation: how a photograph becomes the network's input; see `normalise`.
        tile_px: side of the square tiles that large photographs are cut into, in px.
        overlap_px: how far neighbouring tiles overlap, in px.
        multiple_px: height and width of the input must be multiples of this, in px.
        cleaning: the settings of the step from probability to mask that suit this model.
        fissura_version: the version of Fissura that wrote the file.
        licence: the licence of the weights.
        provenance: which photographs the model learned from, in words.
        data_fingerprint: fingerprint of the training data.
        seed: the seed of the training run.
        created: when the file was written, ISO 8601.
        glance_below: where the highest probability that a first look sees on a tile is below this, the tile shows no
            crack; see `fissura.segmenting.glancing`. None where nobody has found out.
        wide_from_afar: whether wide cracks are looked for at a third of a tile's size as well; see
            `fissura.segmenting.glancing`.
        arithmetic: ``"float32"``, or ``"int8"`` where `fissura quantise` made most layers compute in 8 bits.
    """

    model_config = ConfigDict(frozen=True)

    format_version: Annotated[int, Field(ge=1, le=FORMAT_VERSION)] = FORMAT_VERSION
    name: str
    recipe: str
    network: str
    normalisation: Normalisation
    tile_px: Annotated[int, Field(ge=16, le=8192)]
    overlap_px: Annotated[int, Field(ge=0)]
    multiple_px: Annotated[int, Field(ge=1, le=1024)]
    cleaning: Cleaning
    fissura_version: str
    licence: str
    provenance: str
    data_fingerprint: str
    seed: int
    created: str
    glance_below: Annotated[float, Field(ge=0, le=1)] | None = None
    wide_from_afar: bool = False  # as in model files from before there was such a look
    arithmetic: Literal["float32", "int8"] = "float32"

    @property
    def planes(self) -> int:
        """How many planes the network is given: 1 (luminance) or 3 (colours)."""
        return PLANES[self.normalisation]

    @model_validator(mode="after")
    def _tiles_fit_together(self) -> ModelCard:
        if self.tile_px % self.multiple_px:
            raise ValueError(f"tile_px ({self.tile_px}) must be a multiple of {self.multiple_px}")
        if self.overlap_px > self.tile_px - self.multiple_px:
            limit = f"tile_px - multiple_px ({self.tile_px} - {self.multiple_px})"
            raise ValueError(f"overlap_px ({self.overlap_px}) must be at most {limit}")
        return self


@dataclass(frozen=True)
class ModelFile:
    """An opened model file.

    Attributes:
        session: the network, ready to run.
        card: what the file says about itself.
        content: the file's bytes, as checked.
        sha256: hexadecimal digest of the whole file.
    """

    session: ort.InferenceSession
    card: ModelCard
    content: bytes
    sha256: str


def read_card(path: Path) -> ModelCard:
    """Read the card of a model file, checking the whole file on the way.

    Args:
        path: the ``.onnx`` model file.

    Returns:
        The card.

    Raises:
        FissuraError: as `open_model`.

    Example:
        >>> read_card(Path("walls.onnx")).recipe  # doctest: +SKIP
        'painted'
    """
    return open_model(path, threads=1).card


def open_model(path: Path, threads: int, providers: Sequence[str] = ("CPUExecutionProvider",)) -> ModelFile:
    """Open a model file for segmenting.

    Args:
        path: the ``.onnx`` model file.
        threads: how many threads the network may use.
        providers: ONNX Runtime's names of the devices to use, the preferred first.

    Returns:
        The network, its card and its digest.

    Raises:
        FissuraError: if the file is missing, unreadable, not ONNX, not ours, or of a newer format.
    """
    content = _read_bytes(path)
    session = _open_session(path, content, threads, providers)
    metadata = session.get_modelmeta().custom_metadata_map
    if CARD_KEY not in metadata:
        raise FissuraError(f"{path}: an ONNX file, but not a Fissura model file; {_MEND}")
    card = _parse_card(path, metadata[CARD_KEY])
    _check_graph(path, session, card.planes)
    return ModelFile(session, card, content, hashlib.sha256(content).hexdigest())


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for, and a device has no end
            raise FissuraError(f"{path}: cannot be read (no file); {_MEND}")
        if path.stat().st_size > _MOST_BYTES:
            raise FissuraError(f"{path}: larger than 1 GiB, so not a Fissura model file; {_MEND}")
        return path.read_bytes()
    except OSError as error:
        raise FissuraError(f"{path}: cannot be read ({error.strerror}); {_MEND}") from error


def _open_session(path: Path, content: bytes, threads: int, providers: Sequence[str]) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # our one-line error replaces its log
    # The runtime would keep a memory plan for every new shape of input, and photographs have many shapes.
    options.enable_mem_pattern = False
    # Threads that wait busily take the decoder's core: a quarter slower, measured on two cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Weights outside the file are looked for "in" the file itself, where nothing can lie.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path))
    try:
        return ort.InferenceSession(content, options, providers=list(providers))
    except Exception as error:  # the runtime's exceptions share no base class but Exception
        if "external" in str(error).lower():
            problem = "its weights are not inside the file"
        elif "not a registered function/op" in str(error):
            problem = "it uses operators that onnxruntime does not have"
        else:
            problem = "not an ONNX file that onnxruntime can open"
        raise FissuraError(f"{path}: {problem}; {_MEND}") from error


def _parse_card(path: Path, text: str) -> ModelCard:
    try:
        content: Any = json.loads(text)
        version = content["format_version"]
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise FissuraError(
                f"{path}: a model file of format {version}, newer than this Fissura can read "
                f"({FORMAT_VERSION}); update Fissura"
            )
        return ModelCard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the card"
        problem = first["msg"].removeprefix("Value error, ")
        raise FissuraError(f"{path}: its model card is wrong at {where}: {problem}; {_MEND}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FissuraError(f"{path}: its model card cannot be read; {_MEND}") from error


def _check_graph(path: Path, session: ort.InferenceSession, planes: int) -> None:
    ends = [*session.get_inputs(), *session.get_outputs()]
    found = [(end.name, end.type, len(end.shape), end.shape[1:2]) for end in ends]
    if found != [("photo", "tensor(float)", 4, [planes]), ("logit", "tensor(float)", 4, [1])]:
        raise FissuraError(
            f"{path}: its network does not take `photo` (B, {planes}, H, W) and give `logit` (B, 1, H, W); {_MEND}"
        )
    free = [end.shape[axis] for end in ends for axis in (0, 2, 3)]
    if any(isinstance(size, int) for size in free):
        raise FissuraError(f"{path}: its network takes photographs of one size only; {_MEND}")
