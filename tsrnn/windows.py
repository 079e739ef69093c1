"""Sliding windows: the bridge from rows that are time steps to rows that are sequences.

Conventions: n rows, F features, w window, h horizon, m samples. The window of row t holds the rows
t - w + 1 to t, oldest first. Windows are views of one buffer, so they cost no memory; a window that
reaches back before the start of its series is padded with NaN on the left.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sklearn import get_config
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.calendars import Calendar, calendar_of
from tsrnn.checks import check_count
from tsrnn.chronology import is_out_of_order, warn_out_of_order
from tsrnn.containers import (
    check_index,
    check_numeric_columns,
    common_index,
    groups_of,
    index_of,
    is_positional,
    read_target,
    stamps_of,
)

FLOATS = [np.float64, np.float32]  # what windows are made of; anything else becomes the first


class Tail(NamedTuple):
    """The last rows of a series in fit, the context of the rows that follow."""

    stamps: pd.Index | None  # (r,)
    values: np.ndarray  # (r, F)
    fitted: pd.Index | None  # all stamps of the series in fit


class SlidingWindow(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Turn each row into the window of rows that ends at it.

    One output row per input row, so that ``y`` needs no change and any scikit-learn tool can split
    the rows. Rows are steps: a gap inside a call is not filled. The last ``window - 1`` rows of
    ``fit`` are remembered and prepended when the index of a later call follows the fitted one, so
    the first windows of a test set are complete. Everything else starts with NaN-padded windows,
    which a recurrent network reads as "the sequence starts later".

    Parameters
    ----------
    window : int
        Rows in a window, at least 1.
    flatten : bool, default=False
        False: windows of shape ``(n, window, F)``, a read-only view that costs no memory.
        True: a 2-D copy ``(n, window * F)`` for regressors that take NaN (or behind an imputer: the
        first windows are padded), oldest rows first, with names such
        as ``close_lag3`` ... ``close_lag0``.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns F seen in fit.
    feature_names_in_ : ndarray of shape (F,)
        Their names, when all are text.

    Notes
    -----
    Which rows a call of ``transform`` means is read from its index. E is the last stamp of fit, S
    the first of the call; steps between them are counted on the calendar seen in fit.

    - An array, or a default index starting at 0: a sequence of its own.
    - S follows E: the remembered rows come before the rows of the call. k steps missing in between
      (``TimeSeriesSplit(gap=k)``, a holiday) are k rows of NaN; ``window`` or more leave nothing.
    - Inside or before the fitted range: a sequence of its own, so that the training rows give the
      same windows again. If none of the rows was fitted, as KFold makes them, a warning.
    - Overlapping the end of fit: the remembered rows before S come first, none twice.
    - A panel, with a MultiIndex ``(series, time)``: the same for each series. No window crosses
      from one to the next; as the starts of series interrupt the buffer, a panel of several series
      is one copy of ``window`` times its size.

    A scaler without ``set_output(transform="pandas")`` gives arrays, which have no index: every
    call is then a sequence of its own. Write
    ``make_pipeline(StandardScaler().set_output(transform="pandas"), SlidingWindow(48), ...)``.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> X = pd.DataFrame({"close": [1.0, 2.0, 3.0, 4.0, 5.0]}, index=days)
    >>> windows = SlidingWindow(3).fit(X[:3])
    >>> windows.transform(X[:3])[:, :, 0]
    array([[nan, nan,  1.],
           [nan,  1.,  2.],
           [ 1.,  2.,  3.]])
    >>> windows.transform(X[3:])[:, :, 0]  # the rows before come from fit
    array([[2., 3., 4.],
           [3., 4., 5.]])
    >>> SlidingWindow(3, flatten=True).fit(X).get_feature_names_out()
    array(['close_lag2', 'close_lag1', 'close_lag0'], dtype=object)
    """

    def __init__(self, window: int, flatten: bool = False) -> None:
        self.window = window
        self.flatten = flatten

    def fit(self, X: Any, y: Any = None) -> Self:
        """Remember the last rows of each series.

        Parameters
        ----------
        X : frame or array of shape (n, F)
            Increasing time steps; NaN means missing.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError
            For columns or an index that hold neither numbers nor time.
        ValueError
            For ``window < 1``, infinite values, and stamps that are unsorted or come twice.
        """
        check_count("window", self.window)
        values, index = self._read(X, reset=True)
        groups = groups_of(index, len(values))
        longest = max((rows for _, rows in groups), key=len)
        stamps = stamps_of(index, longest)
        self._kind = _kind(index)
        self._calendar: Calendar | None = None if stamps is None else calendar_of(stamps)
        self._tails: dict[Hashable, Tail] = {}
        for key, rows in groups:
            last = rows[-max(1, self.window - 1) :]
            self._tails[key] = Tail(stamps_of(index, last), values[last], stamps_of(index, rows))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the window that ends at each row.

        Parameters
        ----------
        X : frame or array of shape (n, F)
            Rows on the calendar of fit; see Notes for the rows that come before them.

        Returns
        -------
        ndarray of shape (n, window, F), or (n, window * F) with ``flatten=True``
            float32 for float32 input, else float64.

        Raises
        ------
        ValueError
            If the index cannot be compared with that of fit, or if a frame is wanted of 3-D output.
        """
        check_is_fitted(self)
        self._check_output()
        values, index = self._read(X, reset=False)
        index = None if is_positional(index) else index
        self._check_comparable(index)
        pieces, ends, start = [], np.empty(len(values), dtype=np.intp), 0
        groups = groups_of(index, len(values))
        self._warn_if_out_of_order(groups, index)
        for key, rows in groups:
            context = self._context(key, stamps_of(index, rows), values.dtype)
            pieces += [context, values if len(groups) == 1 else values[rows]]
            ends[rows] = start + np.arange(len(rows))
            start += len(context) + len(rows)
        windows = _windows(np.concatenate(pieces), self.window)  # (n, w, F) for one series
        if len(groups) > 1:
            windows = windows[ends]
        return windows.reshape(len(windows), -1) if self.flatten else windows

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the output columns, or the last axis of 3-D output.

        Parameters
        ----------
        input_features : sequence of str, optional
            Names of the columns; default: those seen in fit, else ``x0, x1, ...``.

        Returns
        -------
        ndarray of str
            With ``flatten=True`` ``close_lag3`` for the value three rows before, of all features
            the oldest first; with ``flatten=False`` the names of the features.
        """
        names = super().get_feature_names_out(input_features)
        if not self.flatten:
            return names
        lags = range(self.window - 1, -1, -1)
        return np.array([f"{name}_lag{lag}" for lag in lags for name in names], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read(self, X: Any, *, reset: bool) -> tuple[np.ndarray, pd.Index | None]:
        check_numeric_columns(X)
        values = validate_data(self, X, reset=reset, dtype=FLOATS, ensure_all_finite="allow-nan")
        index = index_of(X)
        if index is not None and not is_positional(index):
            check_index(index, "X")
        return values, index

    def _check_output(self) -> None:
        """Refuse to make a frame of 3-D windows, before the work."""
        wanted = getattr(self, "_sklearn_output_config", {}).get("transform")
        wanted = wanted or get_config()["transform_output"]
        if wanted != "default" and not self.flatten:
            raise ValueError(
                f"set_output(transform={wanted!r}), but windows of shape (n, window, features) "
                "cannot be a frame: use SlidingWindow(window, flatten=True), or set the output of "
                "the steps before it only"
            )

    def _check_comparable(self, index: pd.Index | None) -> None:
        """Refuse an index of which nobody can say whether it follows that of fit."""
        kind = _kind(index)
        if kind == self._kind or (index is None and self._kind == "numbers"):
            return
        if index is None:
            warnings.warn(
                f"X has no index, but fit saw {self._kind}: its rows are taken for a sequence of "
                "their own, which starts with padded windows (a scaler drops the index unless it "
                "has set_output(transform='pandas'))",
                UserWarning,
                stacklevel=3,
            )
            return
        raise ValueError(
            f"X.index holds {kind}, but fit saw {self._kind}, so whether the rows follow cannot be "
            "told: pass the same kind to fit and transform (a scaler drops the index unless it has "
            "set_output(transform='pandas')), or an array for a sequence of its own"
        )

    def _warn_if_out_of_order(
        self, groups: list[tuple[Hashable, np.ndarray]], index: pd.Index | None
    ) -> None:
        """Say that the rows of a call come from folds that were not cut by time."""
        for key, rows in groups:
            tail, stamps = self._tails.get(key), stamps_of(index, rows)
            if tail is None or tail.fitted is None or stamps is None:
                continue
            if is_out_of_order(tail.fitted, stamps):
                warn_out_of_order(stacklevel=4)
                return

    def _context(self, key: Hashable, stamps: pd.Index | None, dtype: Any) -> np.ndarray:
        """Return the ``(window - 1, F)`` rows before those of a call, NaN where unknown."""
        context = np.full((self.window - 1, self.n_features_in_), np.nan, dtype=dtype)
        tail = self._tails.get(key)
        if stamps is None or tail is None or tail.stamps is None or self._calendar is None:
            return context
        if isinstance(tail.stamps, pd.DatetimeIndex) and tail.stamps.tz is not None:
            stamps = pd.DatetimeIndex(stamps).tz_convert(tail.stamps.tz)
        end = tail.stamps[-1]
        if stamps[-1] <= end:
            return context
        missing = 0
        if stamps[0] > end:
            missing = int(self._calendar.increments(tail.stamps[-1:].append(stamps[:1]))[0]) - 1
        known = tail.values[np.asarray(tail.stamps < stamps[0])]
        room = max(0, self.window - 1 - missing)
        known = known[len(known) - min(room, len(known)) :]
        context[room - len(known) : room] = known
        return context


def make_windows(
    y: Any, X: Any = None, window: int = 1, horizon: int = 1, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into windows of the past and the targets that come after them.

    Nothing of the window of row t is later than t, and its targets are ``y`` of the rows t + 1 to
    t + horizon. Samples without a complete target are dropped: the last rows, and those with a
    missing value in the target. A missing value in a window stays NaN. Rows are steps: gaps in the
    index are not filled. ``explain_windows`` tells which stamps feed which sample.

    Parameters
    ----------
    y : Series, frame or array of shape (n,) or (n, K)
        The target; with a MultiIndex ``(series, time)`` no sample crosses series.
    X : Series, frame or array of shape (n, F), optional
        What the windows hold. Default: the past of y itself. To give both, put y among the columns
        of X.
    window : int
        Rows in a window.
    horizon : int, default=1
        Rows in a target.
    stride : int, default=1
        Rows from one sample to the next, counted from the first complete window.

    Returns
    -------
    windows : ndarray of shape (m, window, F)
        A read-only view of the values, unless samples inside were dropped or several series joined.
    targets : ndarray of shape (m, horizon), or (m, horizon, K) for K > 1 targets
        float64.

    Raises
    ------
    TypeError
        For values or an index that hold neither numbers nor time.
    ValueError
        If no series has a sample, or X and y have different rows.

    Examples
    --------
    >>> windows, targets = make_windows([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], window=3, horizon=2)
    >>> windows[:, :, 0]
    array([[1., 2., 3.],
           [2., 3., 4.]])
    >>> targets
    array([[4., 5.],
           [5., 6.]])
    """
    _check_counts(window, stride)
    check_count("horizon", horizon)
    inputs, targets, index = _read_pair(X, y)
    groups = groups_of(index, len(inputs))
    _check_length(groups, window, horizon)
    samples = [
        _cut(inputs, targets, rows if len(groups) > 1 else slice(None), window, horizon, stride)
        for _, rows in groups
        if len(rows) >= window + horizon
    ]
    windows, ahead = (_join(parts) for parts in zip(*samples, strict=True))
    return windows, (ahead[:, :, 0] if targets.shape[1] == 1 else ahead)


def explain_windows(
    X: Any = None, y: Any = None, *, window: int, horizon: int = 1, stride: int = 1
) -> pd.DataFrame:
    """Tell which time stamps feed the inputs and the target of each sample.

    With ``horizon >= 1`` row i of the result describes sample i of ``make_windows(y, X, ...)``.
    With ``horizon=0`` it describes row i of ``SlidingWindow(window).fit_transform(X)``, whose
    target in a pipeline is ``y`` of the same row.

    Parameters
    ----------
    X : Series, frame or array of shape (n, F), optional
        What the windows hold; default: y.
    y : Series, frame or array of shape (n,) or (n, K), optional
        The target; default: X.
    window, horizon, stride : int
        As in ``make_windows``; ``horizon`` may be 0.

    Returns
    -------
    DataFrame, one row a sample
        ``series`` (panels only), ``time`` (the last stamp known), ``input_first``, ``input_last``,
        ``padded`` (steps before the start of the series), ``missing`` (steps of the calendar
        without a row, or without any value, inside the window), ``target_first``, ``target_last``.
        Arrays have row numbers for stamps.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], index=pd.date_range("2024-01-01", periods=5))
    >>> explain_windows(y=y, window=2, horizon=2).astype(str).T  # doctest: +NORMALIZE_WHITESPACE
                           0           1
    time          2024-01-02  2024-01-03
    input_first   2024-01-01  2024-01-02
    input_last    2024-01-02  2024-01-03
    padded                 0           0
    missing                0           0
    target_first  2024-01-03  2024-01-04
    target_last   2024-01-04  2024-01-05
    """
    _check_counts(window, stride)
    check_count("horizon", horizon, least=0)
    inputs, targets, index = _read_pair(X, X if y is None else y)
    index = pd.RangeIndex(len(inputs)) if index is None else index
    groups = groups_of(index, len(inputs))
    if horizon:
        _check_length(groups, window, horizon)
    tables = []
    for key, rows in groups:
        stamps = index.get_level_values(-1)[rows]
        table = _explain(stamps, inputs[rows], targets[rows], window, horizon, stride)
        table.insert(0, "series", [key] * len(table))
        tables.append(table.set_axis(rows[table.pop("row")]))
    samples = pd.concat([table for table in tables if len(table)] or tables[:1])
    if not horizon:
        samples = samples.sort_index()  # row by row, also where series are interleaved
    samples = samples.reset_index(drop=True)
    return samples if isinstance(index, pd.MultiIndex) else samples.drop(columns="series")


def _windows(values: np.ndarray, window: int) -> np.ndarray:
    """View ``(n, F)`` as its windows ``(n - window + 1, window, F)``."""
    return sliding_window_view(values, window, axis=0).swapaxes(1, 2)


def _cut(
    inputs: np.ndarray,
    targets: np.ndarray,
    rows: np.ndarray | slice,
    window: int,
    horizon: int,
    stride: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the complete samples of one series: ``(m, window, F)`` and ``(m, horizon, K)``."""
    windows = _windows(inputs[rows], window)[:-horizon:stride]
    ahead = _windows(targets[rows][window:], horizon)[::stride]
    complete = np.isfinite(ahead).all(axis=(1, 2))
    return (windows, ahead) if complete.all() else (windows[complete], ahead[complete])


def _join(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _explain(
    stamps: pd.Index,
    inputs: np.ndarray,
    targets: np.ndarray,
    window: int,
    horizon: int,
    stride: int,
) -> pd.DataFrame:
    """Describe the samples of one series."""
    n = len(stamps)
    ends = np.arange(0, n, stride) if horizon == 0 else np.arange(window - 1, n - horizon, stride)
    if horizon and len(ends):
        ahead = _windows(targets[window:], horizon)[::stride]
        ends = ends[np.isfinite(ahead).all(axis=(1, 2))]
    starts = np.maximum(0, ends - window + 1)
    steps = np.concatenate([[0], np.cumsum(calendar_of(stamps).increments(stamps))])
    empty = np.concatenate([[0], np.cumsum(np.isnan(inputs).all(axis=1))])
    skipped = steps[ends] - steps[starts] - (ends - starts)
    return pd.DataFrame(
        {
            "row": ends,
            "time": stamps[ends],
            "input_first": stamps[starts],
            "input_last": stamps[ends],
            "padded": window - 1 - (ends - starts),
            "missing": skipped + empty[ends + 1] - empty[starts],
            "target_first": stamps[ends + min(1, horizon)],
            "target_last": stamps[ends + horizon],
        }
    )


def _read_pair(X: Any, y: Any) -> tuple[np.ndarray, np.ndarray, pd.Index | None]:
    """Read inputs ``(n, F)``, targets ``(n, K)`` and their common index."""
    targets, index, _ = read_target(y, owner="windows")
    if X is None or X is y:
        return targets, targets, common_index(None, index)
    frame = X.to_frame() if isinstance(X, pd.Series) else X
    check_numeric_columns(frame)
    inputs = check_array(frame, dtype=FLOATS, ensure_all_finite="allow-nan", input_name="X")
    if len(inputs) != len(targets):
        raise ValueError(f"X has {len(inputs)} rows, y has {len(targets)}: expected as many")
    return inputs, targets, common_index(X, index)


def _check_counts(window: int, stride: int) -> None:
    check_count("window", window)
    check_count("stride", stride)


def _check_length(groups: list[tuple[Hashable, np.ndarray]], window: int, horizon: int) -> None:
    most = max(len(rows) for _, rows in groups)
    if most < window + horizon:
        longest = "y has" if len(groups) == 1 else "the longest series of y has"
        raise ValueError(
            f"{longest} {most} rows: window={window} and horizon={horizon} need at least "
            f"{window + horizon}; shorten one of them"
        )


def _kind(index: pd.Index | None) -> str:
    """Name the kind of stamps: kinds that differ cannot be put in order."""
    if index is None:
        return "rows without an index"
    if isinstance(index, pd.MultiIndex):
        return f"a panel of {_kind(index.levels[1])}"
    if isinstance(index, pd.DatetimeIndex):
        return "time stamps without a zone" if index.tz is None else "time stamps with a zone"
    if isinstance(index, pd.PeriodIndex):
        return f"periods of freq {index.freqstr}"
    return "time differences" if isinstance(index, pd.TimedeltaIndex) else "numbers"
