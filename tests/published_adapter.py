"""A published adapter as somebody uses it who has copied the version's folder."""

import tempfile
from pathlib import Path

import styledrop
from data.store.published_style import download_version
from tasks.models import open_base


def load_published(uri: str, base_name: str = "embedded") -> styledrop.Tuned:
    """The adapter of the version at `uri`, or of a style's current version."""
    with tempfile.TemporaryDirectory() as folder:
        download_version(uri, Path(folder))
        return styledrop.load_adapter(Path(folder), open_base(base_name))
