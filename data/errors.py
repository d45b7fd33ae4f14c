"""What can go wrong in the pipeline, as a tree of classes.

Every text says what was expected, what was got and what to do.
"""


class PipelineError(Exception):
    """Everything the pipeline raises on purpose."""


class SpecError(PipelineError):
    """What the user asked for cannot be done; nothing has been written."""


class AddressError(SpecError, ValueError):
    """An address means no place, or the file there cannot be read; a `ValueError`, so that pydantic names the field."""


class KeyUnusable(SpecError):
    """A key to sign with, or the keys to trust, cannot be read."""


class StyleReferenceError(SpecError):
    """A style reference is missing, broken or of an absurd size."""


class ManifestError(SpecError):
    """A batch's manifest cannot be read, or has bad rows where none were allowed; nothing was started."""


class StoreError(PipelineError):
    """The store did not do what it was asked."""


class NotInStore(StoreError):
    """Nothing lies at this key."""


class AlreadyInStore(StoreError):
    """Something lies at this key already; it is never written over."""


class ChangedInStore(StoreError):
    """Somebody else has written at this key since it was read; nothing was written over."""


class StoreNotWritable(StoreError):
    """The store refuses writes."""


class StoreCorrupted(StoreError):
    """The bytes in the store are not those which were written."""


class SignatureRefused(StoreError):
    """A version's signature is wrong, or none is by a trusted key; the version is not used."""


class StyleWithdrawn(PipelineError):
    """Consent for the style was withdrawn; nothing is drawn with it, and it is never published again."""


class CandidatesError(PipelineError):
    """A file of candidates cannot be read."""


class RatingsError(PipelineError):
    """Raters' answers cannot be read, or there are none."""


class PretrainingError(PipelineError):
    """A base cannot be made: packages, teacher or the place for it are not as they must be."""


class CorpusError(PretrainingError):
    """The corpus cannot be fetched, built or read."""


class SettingsChanged(PretrainingError):
    """A stage's folder was made with other settings; it is never mixed with the new ones."""


class BatchIncomplete(PipelineError):
    """Some rows of a batch were bad or some styles failed; all others went on."""


class ReviewError(PipelineError):
    """The review did not end in picks."""


class NotWaiting(ReviewError):
    """The run has no open question: it is answered already, over, or not there yet."""


class QuestionUnreadable(ReviewError):
    """A run's question cannot be shown: another release asked it, or it is damaged; others can be answered."""


class LinkRefused(ReviewError):
    """A reviewer's link does not open this question, or no longer."""


class DecisionRefused(ReviewError):
    """The reviewer's answer cannot be used; the reviewer is asked again."""


class StyleRejected(ReviewError):
    """A reviewer rejected the candidates; nothing is published."""
