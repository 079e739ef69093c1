from __future__ import annotations

import numpy as np
import pytest
import torch

from tsrnn.memory import in_batches

NO_MEMORY = [
    MemoryError("Unable to allocate 8 bytes for an array"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 bytes"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 bytes)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


def squares(most, error=None):
    """Squares of a range, in batches; an error for batches of more than ``most``."""
    tried = []

    def answer(part, size):
        tried.append((len(range(37)[part]), size))
        if tried[-1][0] > most:
            raise error
        return np.arange(37)[part] ** 2

    return answer, tried


@pytest.mark.parametrize("size", [1, 5, 37, 100])
def test_batches_are_joined_in_order(size):
    answer, tried = squares(most=100)
    np.testing.assert_array_equal(np.concatenate(in_batches(answer, 37, size)), np.arange(37) ** 2)
    assert len(tried) == -(-37 // size)


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: str(error)[:20])
def test_batches_become_smaller_without_memory_and_stay_so(error):
    answer, tried = squares(5, error)
    np.testing.assert_array_equal(np.concatenate(in_batches(answer, 37, 99)), np.arange(37) ** 2)
    assert tried == [(37, 99), (18, 18), (9, 9), *[(4, 4)] * 9, (1, 4)]


def test_without_memory_for_one_item_the_error_says_what_helps():
    answer, _ = squares(0, NO_MEMORY[0])
    with pytest.raises(MemoryError, match=r"down to batch_size=1: free memory.*hidden_size"):
        in_batches(answer, 37, 10)


def test_other_errors_come_through_at_once():
    answer, tried = squares(0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        in_batches(answer, 37, 10)
    assert len(tried) == 1
