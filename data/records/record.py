"""What all records have in common, and the file in the store that they point at."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """Base of all records: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Blob(Record):
    """A file in the store which never changes."""

    uri: str
    sha256: Sha256
    size_bytes: int
