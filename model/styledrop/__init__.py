"""StyleDrop (arXiv 2306.00983): any style from one image, on a Muse base, in plain PyTorch.

The public names stand in `__init__.pyi`. Each is loaded when it is first used, so `styledrop.config` costs no torch.
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("styledrop")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
