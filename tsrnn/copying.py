"""Find forecasts that copy the past: the last value, shifted by a step, or the last season.

Conventions: n forecasts. The value *k steps back* of a forecast is what the seasonal naive method
of period k says: the latest value known at its origin that lies a multiple of k steps before the
target. For k = 1 that is the last known value, whatever the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from tsrnn.checks import check_count
from tsrnn.comparison import corrected_t
from tsrnn.point_metrics import checked_pair, divide_by_scale

# A copy is at most this share as far from the past value as from the target, or a constant is,
NEAR = 0.5
# explains less than this share of the change since then,
EXPLAINED = 0.05
# and a test of whether it explains any of it has at least this p-value.
P_VALUE = 0.01


class CopyCheck(NamedTuple):
    """What :func:`find_copy` says of a model's forecasts.

    Attributes
    ----------
    lag : int
        What the forecasts fit best: 0 the target itself, 1 the last known value, k the value k
        steps back.
    distance, target_distance : float
        Mean distance from the forecasts to the past value that they fit best, and to the target; a
        constant shift between the two does not count.
    explained : float
        Share of the change since that past value which the forecasts explain: 1 for perfect ones, 0
        for the past value itself, below 0 for worse.
    correlation : float
        Of the forecast with the actual changes, NaN where either does not vary.
    p_value : float
        Of the one-sided test that the forecasts explain nothing of the change, 0.5 for the past
        value itself; NaN for too few folds, when nothing is called a copy.
    is_copy : bool
        The verdict.
    """

    lag: int
    distance: float
    target_distance: float
    explained: float
    correlation: float
    p_value: float
    is_copy: bool

    def sentence(self, name: str, seasonality: int = 1) -> str:
        """Say it in words.

        Parameters
        ----------
        name : str
            Name of the model.
        seasonality : int, default=1
            Steps of a season, so that a copy of the last one is called so.
        """
        value = _name_of_lag(max(self.lag, 1), seasonality)
        percent = f"{100 * self.explained:z.0f} %"
        if np.isnan(self.p_value):
            return (
                f"{name}: too few folds to tell whether its forecasts copy {value}; they explain "
                f"{percent} of the change from it."
            )
        if not self.is_copy:
            return f"{name} is no copy: its forecasts explain {percent} of the change from {value}."
        return (
            f"{name} copies {value}: its forecasts fit that value best (mean distance "
            f"{self.distance:.3g}, {self.target_distance:.3g} to the target itself) and explain "
            f"{percent} of the change from it."
        )


def find_copy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    past: Mapping[int, ArrayLike],
    *,
    folds: ArrayLike | None = None,
    overlap: int = 1,
) -> CopyCheck:
    r"""Tell whether forecasts copy a past value instead of saying how it will change.

    With :math:`\hat y` the forecasts, y the targets and p the past value that
    :math:`\hat y` fits best, they are called a copy if all three hold:

    1. the mean absolute distance of :math:`\hat y` to p is at most half of that to y, and half of
       that of a constant to p, each after a constant shift (its median) is taken off;
    2. they explain less than 5 % of the change,
       :math:`1 - \sum (y - \hat y)^2 / \sum (y - p)^2 < 0.05`;
    3. that they explain anything may be luck: the mean of :math:`(y - p)(\hat y - p)` over folds is
       not above 0 at the 1 % level, with the variance of :func:`~tsrnn.metrics.diebold_mariano`. It
       is half of the adjusted loss difference of Clark and West (2007), "Approximately normal tests
       for equal predictive accuracy in nested models".

    The first alone would accuse good forecasts too: the best forecast of a persistent series lies
    closer to the last value than to the next.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,)
        Targets and forecasts.
    past : dict of int -> array of shape (n,)
        For each lag k the value k steps back, known when the forecast was made. Must have lag 1.
    folds : array of shape (n,), optional
        Which origin each forecast comes from, increasing in time; by default each its own.
    overlap : int, default=1
        How many neighbouring folds share steps, as for :func:`~tsrnn.metrics.diebold_mariano`.

    Returns
    -------
    CopyCheck

    Raises
    ------
    ValueError
        If shapes differ, a value is missing (NaN), or ``past`` has no lag 1.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=101).cumsum()
    >>> late = y[:-1] + 0.1 * np.sin(np.arange(100))
    >>> print(find_copy(y[1:], late, {1: y[:-1]}).sentence("lstm"))
    lstm copies the last known value: its forecasts fit that value best (mean distance 0.0635, 0.805
    to the target itself) and explain 0 % of the change from it.
    """
    check_count("overlap", overlap)
    if min(past, default=0) != 1:
        raise ValueError(
            f"past has the lags {sorted(past)}: expected 1, the last known value, and others above"
        )
    y_true, y_pred = (values.ravel() for values in checked_pair(y_true, y_pred))
    known = {lag: checked_pair(y_true, values)[1].ravel() for lag, values in past.items()}
    distances = {0: _distance(y_pred, y_true)}
    distances |= {lag: _distance(y_pred, values) for lag, values in known.items()}
    lag = min(distances, key=distances.__getitem__)
    copied = known[max(lag, 1)]
    actual, predicted = y_true - copied, y_pred - copied
    explained = float(1 - divide_by_scale(np.sum((actual - predicted) ** 2), np.sum(actual**2)))
    p_value = _p_value(actual * predicted, folds, overlap)
    follows = distances[lag] <= NEAR * min(distances[0], _distance(copied, 0.0))
    is_copy = lag > 0 and follows and explained < EXPLAINED and p_value >= P_VALUE
    return CopyCheck(
        lag=lag,
        distance=distances[lag],
        target_distance=distances[0],
        explained=explained,
        correlation=_correlation(actual, predicted),
        p_value=p_value,
        is_copy=bool(is_copy),
    )


def detect_copies(
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    *,
    seasonality: int = 1,
    max_lag: int = 10,
) -> pd.DataFrame:
    """Check the forecasts of each model of a backtest by :func:`find_copy`.

    Parameters
    ----------
    forecasts : DataFrame
        Columns ``model, series, fold, origin, time, y_true, y_pred``. Rows without ``y_true``, and
        those of series that were never observed before the origin, are left out.
    history : DataFrame
        Columns ``series, time, y``: each series from its start to its last target. A missing value
        counts as the last one observed before it.
    seasonality : int, default=1
        Steps of a season: copies of the last one are looked for too.
    max_lag : int, default=10
        Steps back up to which copies are looked for, as far as all origins have so long a past.

    Returns
    -------
    DataFrame
        One row a model: the fields of :class:`CopyCheck`, and ``sentence``. Distances are in the
        units of y; for several series each is first divided by its mean change since the last known
        value, and those that never changed are left out.

    Raises
    ------
    ValueError
        If a target is not in the history of its series, or no row is left.

    Examples
    --------
    >>> from tsrnn import Naive, backtest
    >>> y = np.random.default_rng(0).normal(size=60).cumsum()
    >>> result = backtest({"naive": Naive()}, y=y, horizon=1, n_folds=30)
    >>> checks = detect_copies(result.forecasts, result.history)
    >>> print(checks.loc["naive", "sentence"])
    naive copies the last known value: its forecasts fit that value best (mean distance 0, 0.759 to
    the target itself) and explain 0 % of the change from it.
    """
    check_count("seasonality", seasonality)
    check_count("max_lag", max_lag)
    histories = {
        str(name): _from_first_value(own) for name, own in history.groupby("series", sort=False)
    }
    observed = forecasts.dropna(subset=["y_true", "y_pred"]).reset_index(drop=True)
    placed = _placed(observed, histories)
    lags = np.unique([*range(1, max_lag + 1), seasonality])
    past = _past_values(placed, histories, lags[lags <= placed["start"].min() + 1])
    scale = _scale(placed, past[1])
    found = {}
    for model, own in placed.groupby("model", sort=False):
        rows = own.index.to_numpy()
        units, overlap = _units(own)
        check = find_copy(
            own["y_true"] / scale[rows],
            own["y_pred"] / scale[rows],
            {lag: values[rows] / scale[rows] for lag, values in past.items()},
            folds=units,
            overlap=overlap,
        )
        sentence = check.sentence(str(model), seasonality)
        found[model] = check._asdict() | {"sentence": sentence}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("model")


def _from_first_value(history: pd.DataFrame) -> pd.Series:
    """Return y by time from its first value on, gaps filled by the last value before."""
    return history.set_index("time")["y"].sort_index().ffill().dropna()


def _placed(forecasts: pd.DataFrame, histories: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Attach the positions of origin, ``start``, and target, ``end``, in the history.

    Rows without a value before their origin are left out.
    """
    parts = [_positions(own, histories, str(name)) for name, own in forecasts.groupby("series")]
    placed = pd.concat(parts) if parts else forecasts.assign(start=-1, end=-1)
    placed = placed[placed["start"] >= 0].sort_index().reset_index(drop=True)
    if placed.empty:
        raise ValueError("forecasts has no row with y_true, y_pred and a value before its origin")
    return placed


def _positions(rows: pd.DataFrame, histories: Mapping[str, pd.Series], series: str) -> pd.DataFrame:
    if series not in histories:
        raise ValueError(f"history has no values of series {series!r}")
    times = histories[series].index
    start = times.searchsorted(rows["origin"].to_numpy(), side="right") - 1
    end = times.get_indexer(pd.Index(rows["time"]))
    if lost := rows["time"][(end < 0) & (start >= 0)].tolist():
        raise ValueError(f"history of {series!r} has no row {lost[0]}, a target of forecasts")
    return rows.assign(start=start, end=end)


def _past_values(
    placed: pd.DataFrame, histories: Mapping[str, pd.Series], lags: NDArray
) -> dict[int, NDArray]:
    """Return for each lag the value that many steps back of each row."""
    values = np.empty((len(lags), len(placed)))
    for name, own in placed.groupby("series"):
        start, end = own["start"].to_numpy(), own["end"].to_numpy()
        periods = -((start - end) // lags[:, np.newaxis])  # as many as lead back to the origin
        past = histories[str(name)].to_numpy()[end - periods * lags[:, np.newaxis]]
        values[:, own.index] = past
    return {int(lag): row for lag, row in zip(lags, values, strict=True)}


def _scale(placed: pd.DataFrame, last: NDArray) -> NDArray:
    """Return 1 for one series, of several each one's mean change since the last known value.

    A series that never changed gets infinity, so that it does not count.
    """
    if len(placed["series"].unique()) == 1:
        return np.ones(len(placed))
    change = (placed["y_true"] - last).abs().groupby(placed["series"]).transform("mean")
    return change.where(change > 0, np.inf).to_numpy()


def _units(placed: pd.DataFrame) -> tuple[pd.Series, int]:
    """Return what is independent, and how many neighbours of it overlap: folds, else series."""
    overlap = _overlap(placed)
    if placed["fold"].nunique() <= overlap:
        return placed["series"], 1
    return placed["fold"], overlap


def _overlap(placed: pd.DataFrame) -> int:
    """Return the greatest number of folds of a series that share a step."""
    spans = placed.groupby(["series", "fold"]).agg({"start": "min", "end": "max"})
    shared = [
        np.searchsorted(np.sort(own["start"]), np.sort(own["end"])) - np.arange(len(own))
        for _, own in spans.groupby("series")
    ]
    return int(np.concatenate(shared).max())


def _distance(values: NDArray, others: NDArray | float) -> float:
    """Return the mean absolute difference, after a constant shift is taken off."""
    difference = values - others
    return float(np.mean(np.abs(difference - np.median(difference))))


def _p_value(products: NDArray, folds: ArrayLike | None, overlap: int) -> float:
    """Test one-sided whether actual and predicted changes have a positive mean product."""
    if folds is not None:
        _, fold = np.unique(np.asarray(folds), return_inverse=True)
        products = np.bincount(fold, products) / np.bincount(fold)
    if len(products) < max(overlap + 1, 2):
        return float("nan")
    return float(student_t.sf(corrected_t(products, overlap), len(products) - 1))


def _correlation(actual: NDArray, predicted: NDArray) -> float:
    """Return Pearson's correlation, NaN without a warning where a side does not vary."""
    actual, predicted = actual - actual.mean(), predicted - predicted.mean()
    size = np.sqrt(np.sum(actual**2) * np.sum(predicted**2))
    return float(actual @ predicted / size) if size > 0 else float("nan")


def _name_of_lag(lag: int, seasonality: int) -> str:
    if lag == 1:
        return "the last known value"
    if lag == seasonality:
        return f"the value one season ({lag} steps) before"
    return f"the value {lag} steps before"
