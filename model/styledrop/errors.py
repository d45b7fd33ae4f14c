"""What can go wrong, as one tree of classes."""


class StyleDropError(Exception):
    """Any error that a caller of this library may want to handle."""


class BaseError(StyleDropError):
    """A base's folder is incomplete or does not fit together."""


class ArtifactError(StyleDropError):
    """An adapter's folder cannot be used."""


class ChecksumMismatch(ArtifactError):
    """Weights are not those that the card describes."""


class IncompatibleBase(ArtifactError):
    """An adapter was tuned on another base."""


class SamplingError(StyleDropError):
    """A request to sample that cannot be met."""


class TuningError(StyleDropError):
    """A request to tune that cannot be met."""


class CheckpointMismatch(TuningError):
    """A checkpoint belongs to another run."""
