"""Pretrained weights where they can be had; a plain notice and random weights where not."""

from __future__ import annotations

import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import huggingface_hub.constants
from torch import nn

PATIENCE_S = 5.0  # a server that has not answered by then is taken as out of reach

_log = logging.getLogger(__name__)
_Network = TypeVar("_Network", bound=nn.Module)


def with_pretrained_fallback(build: Callable[[bool], _Network], what: str) -> _Network:
    """Build a network with pretrained weights, or with random ones if those cannot be downloaded.

    Weights already in the local cache (of torch hub or of the Hugging Face hub) are used without any network.
    A failed download costs seconds, not the minutes of the libraries' own retries, and one logged line.

    Args:
        build: makes the network; its argument says whether to load pretrained weights.
        what: the name of the weights, for the notice.

    Returns:
        What ``build(True)`` gives, or ``build(False)`` if that failed.

    Example:
        >>> with_pretrained_fallback(lambda pretrained: nn.Conv2d(3, 8, 3), "none").out_channels
        8
    """
    try:
        with _impatient_downloads():
            return build(True)
    except Exception as error:  # each library has its own; what is no download's comes again from build(False)
        _log.warning("%s: no pretrained weights (%s); starting from random ones", what, first_line(error))
        return build(False)


def first_line(error: BaseException) -> str:
    """Give the first sentence of an error, or its kind if it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")


@contextmanager
def _impatient_downloads() -> Iterator[None]:
    """Let torch hub wait ``PATIENCE_S`` per read, and the Hugging Face hub not retry when offline."""
    socket_timeout = socket.getdefaulttimeout()
    hub_offline = huggingface_hub.constants.HF_HUB_OFFLINE
    socket.setdefaulttimeout(PATIENCE_S)  # torch.hub gives its urlopen no timeout
    # The hub's client retries each of several files for 23 s; in offline mode it looks into its cache only.
    hub_answers = not hub_offline and _answers(huggingface_hub.constants.ENDPOINT)
    huggingface_hub.constants.HF_HUB_OFFLINE = not hub_answers
    try:
        yield
    finally:
        socket.setdefaulttimeout(socket_timeout)
        huggingface_hub.constants.HF_HUB_OFFLINE = hub_offline


def _answers(url: str) -> bool:
    """Say whether a server answers at all; proxies named in the environment are used."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
