"""Measuring: a mask becomes cracks with length, width and orientation, in pixels and, with a scale, millimetres."""
