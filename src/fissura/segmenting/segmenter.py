"""A model file at work: from a photograph to its probability map, mask and verdict."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.photos import Label
from fissura.segmenting.ahead import ahead
from fissura.segmenting.choosing import choose_engine
from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.connected_pieces import pieces
from fissura.segmenting.cores import usable_cores
from fissura.segmenting.engines import Engine, EngineName, open_engine
from fissura.segmenting.glancing import SEEN, shrunk, with_wide_cracks
from fissura.segmenting.model_file import ModelCard
from fissura.segmenting.normalising import Normaliser
from fissura.segmenting.resizing import Resize, at_best_scale, at_scale, checked_resize
from fissura.segmenting.tiling import in_tiles
from fissura.segmenting.viewing import checked_views, mean_of_views


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a model says about one photograph.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        probability: (H, W) float32 in [0, 1].
        mask: (H, W) bool, True where there is crack.
        score: how surely the photograph shows a crack, in [0, 1]; see `score_photo`.
    """

    photo: NDArray[np.uint8]
    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    score: float

    @property
    def verdict(self) -> Label:
        """``"cracked"`` where the mask has any crack, otherwise ``"uncracked"``."""
        return "cracked" if self.mask.any() else "uncracked"


class Segmenter:
    """A model file, ready to segment photographs of any size.

    Args:
        model: the ``.onnx`` model file.
        cleaning: settings of the step from probability to mask; those of the model file if not given.
        threads: threads the network may use; as many as there are usable cores if not given.
        engine: what runs the network; ``"auto"`` measures which is the faster one here, see `choose_engine`.
        resize: factor by which photographs are made smaller or larger for the network, ``"auto"`` to try several on
            each; see `fissura.segmenting.resizing`.
        glance: whether to look at each tile at a third of its size first, and to pass over those that surely show
            no crack: faster where many tiles are passed over; elsewhere it costs a model time that does not look for
            wide cracks there anyway.
        views: how many times to look at each tile: 1, 2 (mirrored too) or 4 (and both turned by a quarter). More
            crack is found and less that is none, for as many times the time; see `fissura.segmenting.viewing`.
        wide: whether to look for wide cracks at a third of each tile's size as well; as the model file says if not
            given.
        at_once: photographs or tiles that may be segmented at the same time, each with its share of the threads;
            many come through fastest so, a single one fastest with all threads, which is the default.

    Attributes:
        card: what the model file says about itself.
        cleaning: the settings in use.
        engine: what runs the network.
        seeing: how the network is shown a photograph, and what runs it, by the names above.
        why_engine: why it was chosen, in words; empty if the caller named it.
        identity: short hexadecimal digest of model file, settings and the engine's arithmetic: equal where
            results are comparable.

    Raises:
        FissuraError: if the model file cannot be used or does not know how to glance, the engine is not installed, or
            there is no such number of views.

    Example:
        >>> segmenter = Segmenter(Path("walls.onnx"))  # doctest: +SKIP
        >>> segmenter.segment(read_photo(Path("wall.jpg"))).verdict  # doctest: +SKIP
        'cracked'
    """

    def __init__(
        self,
        model: Path,
        *,
        cleaning: Cleaning | None = None,
        threads: int | None = None,
        engine: EngineName | Literal["auto"] = "onnxruntime",
        resize: Resize = 1.0,
        glance: bool = False,
        views: int = 1,
        wide: bool | None = None,
        at_once: int = 1,
    ) -> None:
        threads = threads or usable_cores()
        self.why_engine: str = ""
        if engine == "auto":
            choice = choose_engine(model, threads)
            engine, self.why_engine = choice.name, str(choice)
        self.engine: Engine
        self.engine, opened = open_engine(model, engine, threads=threads, at_once=min(at_once, threads))
        self.card: ModelCard = opened.card
        self.cleaning: Cleaning = cleaning or opened.card.cleaning
        self._resize = checked_resize(resize)
        if glance and self.card.glance_below is None:
            raise FissuraError(
                f"{model}: does not know below what to pass over a tile; train it anew, or do not glance"
            )
        self._pass_below = (self.card.glance_below or 0.0) if glance else 0.0
        self._views = checked_views(views)
        self._sees_wide = self.card.wide_from_afar if wide is None else wide
        self._arithmetic = ("int8 and " if self.card.arithmetic == "int8" else "") + self.engine.arithmetic
        self.seeing: dict[str, str | float] = {
            "engine": f"{self.engine.name} {self._arithmetic}",
            "resize": self._resize,
            "glance": glance,
            "views": views,
            "wide": self._sees_wide,
        }
        made_with = {
            "model": opened.sha256,
            "cleaning": self.cleaning.model_dump(),
            **self.seeing,
            "engine": f"{self.engine.name} {self.engine.arithmetic}",  # the file's digest tells of 8 bits
            "tiling": 2,  # raised when tiles come to lie elsewhere
        }
        self.identity: str = hashlib.sha256(json.dumps(made_with).encode()).hexdigest()[:16]
        self._path = model

    def describe_engine(self) -> str:
        """Say what runs the network and why, such as ``"openvino, bfloat16 on CPU (measured per tile: ...)"``."""
        what = f"{self.engine.name}, {self._arithmetic}"
        return f"{what} ({self.why_engine})" if self.why_engine else what

    def probability(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tell for every pixel how probably it is crack.

        Args:
            photo: (H, W, 3) uint8 RGB, of any size.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            FissuraError: if the network fails on this photograph.
        """
        if self._resize == "auto":
            return at_best_scale(photo, self.cleaning, self._in_tiles)
        return at_scale(photo, self._resize, self._in_tiles)

    def _in_tiles(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        # Every tile is normalised by the whole photograph's statistics, else tiles would not fit together.
        normaliser = Normaliser.of(photo, self.card.normalisation)
        return in_tiles(
            photo,
            lambda tile: self.probability_of_tile(tile, normaliser),
            tile_px=self.card.tile_px,
            overlap_px=self.card.overlap_px,
            multiple_px=self.card.multiple_px,
            at_once=self.engine.at_once,
        )

    def probability_of_tile(self, tile: NDArray[np.uint8], normaliser: Normaliser) -> NDArray[np.float32]:
        """Ask the network about a tile normalised by the statistics of the whole picture it was cut from.

        Args:
            tile: (h, w, 3) uint8 RGB; h and w are multiples of the card's ``multiple_px``.
            normaliser: with the statistics of the whole picture.

        Returns:
            (h, w) float32 in [0, 1].

        Raises:
            FissuraError: if the network fails on this tile.
        """
        planes = normaliser.planes(tile)
        afar = self._from_afar(planes) if self._pass_below else None
        if afar is not None and afar.max() < self._pass_below:
            return np.zeros(tile.shape[:2], np.float32)
        near = _logistic(mean_of_views(planes, self._views, self._logit))
        if not self._sees_wide or near.max() < SEEN:
            return near
        return with_wide_cracks(near, self._from_afar(planes) if afar is None else afar)

    def warm_up(self) -> None:
        """Run the network as often at once as it will, so that it takes the memory that it needs for tiles.

        Raises:
            FissuraError: if the network fails.
        """
        blank = np.zeros((self.card.planes, self.card.tile_px, self.card.tile_px), np.float32)

        def look(_: int) -> None:
            self._logit(blank)
            if self._pass_below or self._sees_wide:
                self._from_afar(blank)

        for _ in ahead(look, range(self.engine.at_once), workers=self.engine.at_once):
            pass

    def glance(self, tile: NDArray[np.uint8], normaliser: Normaliser) -> float:
        """Look at a tile at a third of its size; see `fissura.segmenting.glancing`.

        Args:
            tile: (h, w, 3) uint8 RGB.
            normaliser: with the statistics of the whole picture.

        Returns:
            The highest probability of crack that is seen there, in [0, 1].

        Raises:
            FissuraError: if the network fails on it.
        """
        return float(self._from_afar(normaliser.planes(tile)).max())

    def segment(self, photo: NDArray[np.uint8]) -> Segmentation:
        """Segment one photograph.

        Args:
            photo: (H, W, 3) uint8 RGB, of any size.

        Returns:
            Probability map, mask, score and verdict, the maps at the photograph's own size.

        Raises:
            FissuraError: if the network fails on this photograph.
        """
        probability = self.probability(photo)
        found = pieces(probability, self.cleaning.low)
        return Segmentation(photo, probability, found.mask(self.cleaning), found.score(self.cleaning))

    def _from_afar(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on a normalised tile at a third of its size: (planes, h, w) to probabilities."""
        return _logistic(self._logit(shrunk(planes, self.card.multiple_px)))

    def _logit(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one normalised tile: (planes, h, w) to logits (h, w)."""
        height, width = planes.shape[1:]
        try:
            logit = self.engine.run(planes[None])  # (1, 1, h, w)
        except Exception as error:  # the engines' exceptions share no base class but Exception
            raise FissuraError(
                f"{self._path}: the network failed on {width} x {height} px ({_first_line(error)}); "
                "free memory or give another model file"
            ) from error
        if logit.shape != (1, 1, height, width):
            raise FissuraError(
                f"{self._path}: the network answers {width} x {height} px with a map of shape "
                f"{logit.shape}; give a model file made by `fissura train`"
            )
        return logit[0, 0]  # type: ignore[no-any-return]


def _logistic(logit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into probabilities, in place, for memory costs more than arithmetic here."""
    logit *= 0.5  # the logistic function in a form that cannot overflow
    np.tanh(logit, out=logit)
    logit += 1
    logit *= 0.5
    np.fmax(logit, 0, out=logit)  # a network's NaN counts as no crack
    return logit


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
