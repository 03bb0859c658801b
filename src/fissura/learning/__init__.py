"""Learning: image-level labels, painted cracks and self-training in, one model file out.

A recipe says where supervision comes from; `train` follows it and `resume` takes up a run that was killed.
Nothing about a run is ever learned from or chosen on human masks, but by a supervised recipe, which says so.
This is the only room that imports torch.
"""

import os

# The loading processes need the cores too; a thread that waits must not spin on one. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from fissura.learning.recipe import Recipe, load_recipe, recipe_names
from fissura.learning.training import Trained, resume, train

__all__ = ["Recipe", "Trained", "load_recipe", "recipe_names", "resume", "train"]
