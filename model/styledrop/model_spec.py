"""What an adapter's weights say of themselves in their safetensors header, for programs that read no card.

Keys are those of ModelSpec 1.0.1 (https://github.com/Stability-AI/ModelSpec), and `format: pt`, which transformers,
diffusers and PEFT look for.
"""

import hashlib
import json
from collections.abc import Mapping

MODEL_SPEC = "1.0.1"

_LENGTH_BYTES = 8
"""A safetensors file begins with its header's length, little-endian; then come the header, JSON, and the tensors."""


def tensors_sha256(weights: bytes) -> str:
    """The digest of the tensors in a safetensors file, whatever its header says."""
    return hashlib.sha256(weights[_header_end(weights) :]).hexdigest()


def with_metadata(weights: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same safetensors file with `metadata` in its header.

    The same metadata always give the same bytes; safetensors' own writer puts them in another order each time.
    """
    end = _header_end(weights)
    header = json.loads(weights[_LENGTH_BYTES:end])
    header["__metadata__"] = dict(sorted(metadata.items()))
    written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    written += b" " * (-len(written) % 8)  # the tensors begin at a multiple of 8 bytes
    return len(written).to_bytes(_LENGTH_BYTES, "little") + written + weights[end:]


def _header_end(weights: bytes) -> int:
    return _LENGTH_BYTES + int.from_bytes(weights[:_LENGTH_BYTES], "little")
