"""What the stages of pretraining leave, and the base that they make."""

from collections.abc import Mapping
from pathlib import Path

from data.records.record import Record, Sha256


class StageRecord(Record):
    """A finished stage of pretraining: a folder on this machine, and the end of its curve."""

    folder: str
    sha256: Sha256
    """Of all files in the folder, with their names."""
    size_bytes: int
    seconds: float
    steps: int
    """0 for a stage that trains nothing."""
    figures: dict[str, float]

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)


Made = Mapping[str, StageRecord]
"""The stages that are done, by their names."""


class PretrainedBase(Record):
    """A base in its folder, ready for `styledrop.Base.from_pretrained`."""

    folder: str
    sha256: Sha256
    """The base's own digest."""
    size_bytes: int
