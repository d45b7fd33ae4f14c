"""What can go wrong with the corpus."""


class CorpusError(Exception):
    """The corpus cannot be fetched, built or read."""
