"""In which precision weights are trained: bfloat16 where the processor multiplies in it, float32 elsewhere.

A processor without bfloat16 emulates it, which is slower than float32.
"""

from contextlib import AbstractContextManager, nullcontext

import torch


def fastest_dtype(device: torch.device) -> torch.dtype:
    """What matrices are best multiplied in there, if 8 bits of mantissa are enough."""
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bfloat16 = device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.bfloat16 if has_bfloat16 else torch.float32


def autocast(device: torch.device, weights: torch.dtype = torch.float32) -> AbstractContextManager[None]:
    """Multiply in `fastest_dtype`; weights, sums and losses stay float32. `weights` of 16 bits are used as they are."""
    dtype = fastest_dtype(device)
    if dtype == torch.float32 or weights != torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)
