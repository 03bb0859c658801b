"""Fissura: two folders of photographs in, crack masks out. Nobody draws a mask.

The verbs of the command line are functions here that return objects and print nothing:

    >>> import fissura
    >>> trained = fissura.train(["walls"], out="runs/walls")  # doctest: +SKIP
    >>> results = fissura.segment(["new photographs"], model=trained.model, out="masks")  # doctest: +SKIP
    >>> score = fissura.evaluate(["walls"], model=trained.model, out="score")  # doctest: +SKIP

They are loaded when first asked for, so that ``import fissura`` is quick, and only training imports torch. The stub
beside this file, ``__init__.pyi``, names them: that is what both type checkers and this package read.
"""

from importlib.metadata import version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = version("fissura")
