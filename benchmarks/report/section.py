"""What a benchmark of speed leaves in ``results/``: its figures as JSON, and the section that RESULTS.md takes in."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from fissura.files import written_whole
from fissura.segmenting import usable_cores

RESULTS = Path(__file__).resolve().parents[1] / "results"


def machine() -> str:
    """Say what the figures were taken on, and how much else it had to do."""
    kind = platform.processor() or platform.machine()
    return f"{usable_cores()} cores of {kind}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def write_section(name: str, facts: dict[str, Any], text: str) -> None:
    """Write ``results/NAME.json`` and ``results/NAME.md``."""
    for suffix, content in (("json", json.dumps(facts, indent=1)), ("md", text.rstrip())):
        with written_whole(RESULTS / f"{name}.{suffix}") as temporary:
            temporary.write_text(content + "\n", "utf-8")
