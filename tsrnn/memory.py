"""Computing in batches that fit into memory, however much of it there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

# What RuntimeErrors say that stand for a lack of memory: torch on a CPU, MPS, cuDNN and cuBLAS.
OUT_OF_MEMORY = "allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED"


def in_batches(answer: Callable[[slice, int], Result], count: int, size: int) -> list[Result]:
    """Answer for ``count`` items in batches of at most ``size``, smaller ones if memory is short.

    Parameters
    ----------
    answer : callable (part, size) -> result
        Computes the items of a slice; ``size`` is how many there is memory for, as far as known.
    count, size : int

    Returns
    -------
    list of the results, in order

    Raises
    ------
    MemoryError
        If there is not enough even for one item.
    """
    results: list[Result] = []
    start = 0
    while start < count:
        try:
            results.append(answer(slice(start, min(start + size, count)), size))
            start += size
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise MemoryError(
                    "out of memory, although batches were made smaller down to batch_size=1: free "
                    "memory, choose another device, or fit with a smaller hidden_size or with "
                    "shorter sequences (context, window)"
                ) from error
            size = max(1, min(size, count - start) // 2)
    return results


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether an error says that memory was not enough."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)
