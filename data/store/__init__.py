"""The object store: files by key, tables of candidates, and published versions of styles."""
