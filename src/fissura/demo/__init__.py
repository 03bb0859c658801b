"""The demo: photographs out of nothing, two recipes trained on them, and one picture that compares the two.

Training gets two folders and no mask; only the held-out photographs have masks, and only scoring opens them.
"""

from fissura.demo.running import Demo, run_demo

__all__ = ["Demo", "run_demo"]
