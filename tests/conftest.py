"""Fixtures shared by the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from model_files import write_model

# A machine that is busy elsewhere makes slow examples, not wrong ones; and a suite answers the same twice. For new
# examples: pytest --hypothesis-profile=search
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests out of the user's cache: what was measured there would decide which engine they use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real photographs, or skip with the reason where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FISSURA_DATA", default))
    if not (folder / "field").is_dir():
        pytest.skip(f"no real photographs at {folder}; set FISSURA_DATA to their folder")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give a model file: dark is crack."""
    return write_model(tmp_path / "model.onnx")
