"""The application that the verbs are added to, and its own options."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import fissura
from fissura.cli.options import examples
from fissura.terminal import say


class _Verbs(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let ``--debug`` stand anywhere: whoever needs it has just typed the rest."""
        return super().parse_args(ctx, sorted(args, key=lambda word: word != "--debug"))


app = typer.Typer(
    name="fissura",
    cls=_Verbs,
    help="Two folders of photographs in, crack masks out. Nobody draws a mask.",
    epilog=examples(
        "fissura demo",
        "fissura train walls --out runs/walls",
        "fissura segment new-photographs --model runs/walls/model.onnx --out masks",
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"fissura {fissura.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass  # the options act on their own: see _show_version and fissura.terminal.Verb
