"""The folds of an audit, and the leaks of a split: later rows in training, targets that overlap.

Time is counted in stamps, see ``leakage_sample``; ``first`` is the stamp of the first test row, and
what comes later (for targets: that row too) is the future of a fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator, check_cv

from tsrnn.leakage_report import Leak
from tsrnn.leakage_sample import Sample
from tsrnn.leakage_signs import Reach

LATE, OVERLAP = "training after the test rows", "overlapping targets"


@dataclass(frozen=True)
class Fold:
    """One split: its rows, and where its future begins."""

    number: int
    train: NDArray
    test: NDArray
    first: int  # stamp of the first test row
    last: int  # stamp of the last training row before it, first - 1 without any
    origin: Any  # label of ``last``

    def leak(self, step: str, column: str, kind: str, how: str, size: float = float("nan")) -> Leak:
        """Make a leak of this fold."""
        return Leak(self.number, self.origin, step, column, kind, how, size)


def list_folds(cv: Any, sample: Sample, classifier: bool) -> list[Fold]:
    """List the folds of a cross-validation with the time at which each must forecast."""
    splitter = check_cv(cv, sample.y, classifier=classifier)
    rows = sample.y if sample.X is None else sample.X
    folds = []
    for number, (train, test) in enumerate(splitter.split(rows, sample.y)):
        train, test = (_row_numbers(part, len(sample.stamps)) for part in (train, test))
        if not len(train) or not len(test):
            raise ValueError(f"cv: fold {number} has {len(train)} training and {len(test)} rows")
        first = int(sample.stamps[test].min())
        before = sample.stamps[train][sample.stamps[train] < first]
        last = int(before.max()) if len(before) else first - 1
        origin = sample.label(last if len(before) else first)
        folds.append(Fold(number, train, test, first, last, origin))
    return folds


def split_leaks(folds: Sequence[Fold], sample: Sample, cv: Any) -> list[Leak]:
    """Find folds that train on test rows, or on rows that are not before them."""
    leaks = []
    for fold in folds:
        both = np.intersect1d(fold.train, fold.test)
        late = np.setdiff1d(late_rows(fold, sample), both)
        if len(both):
            how = f"{len(both)} rows are in the training and in the test part"
            leaks.append(fold.leak("cv", "y", "test rows in training", how))
        if len(late):
            how = (
                f"{_cv_name(cv)} trains on {len(late)} rows that are not before the first test row"
            )
            leaks.append(fold.leak("cv", "y", LATE, how))
    return leaks


def overlap_leaks(folds: Sequence[Fold], sample: Sample, reach: Reach | None) -> list[Leak]:
    """Find folds whose last training targets are not known yet at the first test row."""
    leaks: list[Leak] = []
    if reach is None:
        return leaks
    for fold in folds:
        rows = overlapping_rows(fold, sample, reach)
        if len(rows):
            gap = fold.first - fold.last - 1
            how = (
                f"the targets of the last {len(rows)} training rows lie in the test part, as "
                f"{reach.how}; gap={gap}, use gap={reach.rows}"
            )
            how += "" if reach.sure else ", or say horizon=1 if the target belongs to its own row"
            leaks.append(fold.leak("cv", "y", OVERLAP, how))
    return leaks


def overlapping_rows(fold: Fold, sample: Sample, reach: Reach) -> NDArray[np.intp]:
    """Return the training rows before the test part whose targets reach into it."""
    if len(late_rows(fold, sample)):
        return np.empty(0, dtype=np.intp)
    return fold.train[sample.stamps[fold.train] + reach.rows >= fold.first]


def late_rows(fold: Fold, sample: Sample) -> NDArray[np.intp]:
    """Return the training rows that are not before the first test row."""
    return fold.train[sample.stamps[fold.train] >= fold.first]


def known_rows(fold: Fold, sample: Sample) -> list[NDArray[np.intp]]:
    """Return sets of rows that statistics may be taken over: in training, and before the test."""
    return [fold.train, np.flatnonzero(sample.stamps < fold.first)]


def early_rows(fold: Fold, sample: Sample) -> list[NDArray[np.intp]]:
    """Return the same sets for what was made before the split: training after the test is none."""
    in_time = fold.train[sample.stamps[fold.train] < fold.first]
    return [in_time, np.flatnonzero(sample.stamps < fold.first)]


def _row_numbers(part: Any, n: int) -> NDArray[np.intp]:
    """Return row numbers in their order: of ShuffleSplit they come mixed."""
    rows = np.asarray(part)
    return np.arange(n)[rows] if rows.dtype == bool else np.sort(rows.astype(np.intp))


def _cv_name(cv: Any) -> str:
    if isinstance(cv, int | np.integer):
        return f"cv={cv}, which is KFold({cv}),"
    if isinstance(cv, BaseCrossValidator):
        shuffled = ", shuffled," if getattr(cv, "shuffle", False) else ""
        return f"{type(cv).__name__}{shuffled}"
    return "it" if isinstance(cv, list | tuple) else type(cv).__name__


def count_of_rows(n: int) -> str:
    """Write a number of rows."""
    return f"{n} row{'s' if n != 1 else ''}"
