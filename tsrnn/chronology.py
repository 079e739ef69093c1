"""Chronology: a warning where rows are scored that lie before rows learnt from.

What a cross-validation did is read from the index: KFold and ShuffleSplit ask for rows that lie
before or between the fitted ones without being among them. Rows without an index, and a default one
from 0, say nothing.
"""

from __future__ import annotations

import warnings

import pandas as pd


def is_out_of_order(fitted: pd.Index, asked: pd.Index) -> bool:
    """Tell whether none of the stamps asked for was fitted, though some lie before the last fitted.

    Both increase. Fitted rows among those asked for mean an in-sample forecast.

    Examples
    --------
    >>> fitted = pd.Index([0, 1, 4, 5])
    >>> [is_out_of_order(fitted, pd.Index(rows)) for rows in ([2, 3], [0, 1, 2], [6, 7])]
    [True, False, False]
    """
    if asked[0] > fitted[-1] or asked[0] in fitted:
        return False
    return not asked.isin(fitted).any()


def warn_out_of_order(stacklevel: int) -> None:
    """Say what training on the future does to scores, and how to cut folds by time.

    ``stacklevel`` is that of ``warnings.warn`` in the caller.
    """
    warnings.warn(
        "X has rows that lie before fitted rows and were not fitted themselves, as a "
        "cross-validation without regard to time makes them (KFold, ShuffleSplit): windows overlap "
        "their neighbours, so training has seen nearly all of what is scored, and scores come out "
        "far too good (nearest neighbours on a random walk: R2 of 0.97 in place of -1.6); pass "
        "cv=TimeSeriesSplit(gap=horizon - 1) or tsrnn.ExpandingWindowSplit. Right only for rows "
        "that are gaps to be filled",
        UserWarning,
        stacklevel=stacklevel + 1,
    )
