from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tsrnn import peak_memory
from tsrnn.peak_memory import PeakMemory


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_counts_memory_that_was_given_back():
    """In a process of its own: one that has worked before uses its freed memory again."""
    code = (
        "import numpy as np\nfrom tsrnn.peak_memory import PeakMemory\n"
        "with PeakMemory() as peak:\n    np.ones(10_000_000)  # 80 MB, freed at once\n"
        "with PeakMemory() as nothing:\n    pass\n"
        "print(peak.mb, nothing.mb)"
    )
    root = Path(peak_memory.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    peak, nothing = map(float, done.stdout.split())
    assert 75 < peak < 120
    assert nothing < 20


def test_without_the_kernels_help_it_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "CLEAR", tmp_path / "no" / "such")
    with PeakMemory() as peak:
        pass
    assert np.isnan(peak.mb)
