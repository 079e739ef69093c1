from __future__ import annotations

import sys

import numpy as np
import pytest

from tsrnn import peak_memory
from tsrnn.peak_memory import PeakMemory


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_counts_memory_that_was_given_back():
    with PeakMemory() as peak:
        np.ones(10_000_000)  # 80 MB, freed at once
    with PeakMemory() as nothing:
        pass
    assert 75 < peak.mb < 120
    assert nothing.mb < 20


def test_without_the_kernels_help_it_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "CLEAR", tmp_path / "no" / "such")
    with PeakMemory() as peak:
        pass
    assert np.isnan(peak.mb)
