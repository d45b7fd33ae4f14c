"""StyleDrop (arXiv 2306.00983): any style from one image, on a Muse base, in plain PyTorch.

The public names stand in `__init__.pyi`. Each is loaded when it is first used, so `styledrop.config` costs no torch.
"""

import os
from importlib.metadata import version

import lazy_loader

# A thread of PyTorch's that waits for the others keeps its core busy for so many rounds before it sleeps. libgomp's own
# 300,000 starve whatever else runs, the other threads among it (docs/scale.md). It is read when PyTorch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = version("styledrop")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
