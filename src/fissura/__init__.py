"""Fissura: two folders of photographs in, crack masks out."""

__version__ = "0.1.0"
