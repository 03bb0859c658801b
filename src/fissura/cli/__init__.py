"""The command line: one thin function per verb, over the functions of ``import fissura``.

How results look and how a command ends is told in `fissura.terminal`. The rooms are imported by the verb that
needs them, so that ``--help`` is quick.
"""

from fissura.cli import data, models, cracks, rasters, jobs, engines  # isort: skip  # each adds its verbs, and --help lists them so
from fissura.cli.app import app
from fissura.terminal import stop_on_sigterm

__all__ = ["app", "cracks", "data", "engines", "jobs", "main", "models", "rasters"]


def main() -> None:
    """Run the command line."""
    stop_on_sigterm()
    app(prog_name="fissura")
