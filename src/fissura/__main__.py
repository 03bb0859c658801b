"""Runs the command line as ``python -m fissura``."""

from fissura.cli import main

main()
