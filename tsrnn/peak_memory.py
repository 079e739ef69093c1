"""Measure how much memory a piece of work takes at its peak."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Self

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
RESET_PEAK = "5"  # proc(5): sets the peak resident size to what is resident now


class PeakMemory:
    """Context manager: the rise of the process's resident memory to its peak inside the block.

    Linux keeps the peak itself, which costs nothing and sees all libraries' memory, torch's too.
    Elsewhere, and where the kernel does not let it be reset, ``mb`` stays NaN. Memory that another
    thread takes meanwhile counts.

    Attributes
    ----------
    mb : float
        Megabytes (10^6 bytes), set at the end of the block.

    Examples
    --------
    >>> with PeakMemory() as peak:
    ...     work = b"x" * 1_000_000
    >>> not peak.mb < 0  # freed memory that the process kept is used again, and counts for nothing
    True
    """

    mb = math.nan

    def __enter__(self) -> Self:
        try:
            CLEAR.write_text(RESET_PEAK)
            self._before = _kilobytes("VmRSS")
        except OSError:
            self._before = math.nan
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not math.isnan(self._before):
            self.mb = max(0.0, _kilobytes("VmHWM") - self._before) * 1024 / 1e6


def _kilobytes(name: str) -> float:
    """Read a line of /proc/self/status."""
    lines = STATUS.read_text().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), math.nan)
