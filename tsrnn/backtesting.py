"""Backtest forecasters: fit on the past of each origin, forecast what follows, score and compare.

Conventions: n rows, K targets (1 but for a wide frame). Folds and chains are those of ``folds``.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from tqdm import tqdm

from tsrnn.asof import AsOf
from tsrnn.backtest_result import BacktestResult, Metric, score_folds
from tsrnn.base import Forecaster
from tsrnn.calendars import observed_season
from tsrnn.checks import check_choice, check_count
from tsrnn.containers import index_of, panel_rows
from tsrnn.folds import Data, Fold, make_chains, make_folds, read_data, rows_ahead
from tsrnn.metrics import METRICS, seasonal_naive_error

WINDOWS = ("expanding", "sliding")
REFITS = ("cold", "warm", "none")


@dataclass(frozen=True)
class _Outcome:
    """What one model did in one fold."""

    model: str
    fold: Fold
    action: str
    fit_seconds: float = np.nan
    predict_seconds: float = np.nan
    y_pred: NDArray | None = None  # (test rows, K)
    error: str = ""
    traceback: str = ""


def backtest(
    models: Any,
    X: Any = None,
    y: Any = None,
    *,
    horizon: int,
    n_folds: int | None = None,
    step: int | None = None,
    initial: int | None = None,
    window: str = "expanding",
    gap: int = 0,
    refit: str | int = "cold",
    n_jobs: int | None = 1,
    scoring: Any = None,
    progress: bool | Callable[[int, int], None] = False,
    seasonality: int | None = None,
) -> BacktestResult:
    """Fit on the past of each origin, forecast the ``horizon`` steps that follow, and score.

    Parameters
    ----------
    models : dict of name -> estimator, list of estimators, or one estimator
        Forecasters, or any scikit-learn regressor or pipeline when X is given. In a list the
        lower-case class name is the name. They are cloned; yours are left as they are.
    X : array or DataFrame of n rows, or AsOf, optional
        Covariates known at each row's time, so those of the test rows go to ``predict`` (but for
        the columns that a model declares ``past_only``). Columns that one model declares
        ``static`` are left out for the forecasters without static covariates, such as ``Naive``
        and ``ARIMA``. Of an :class:`AsOf` each fold gets the vintages issued up to its origin, and
        no other.
    y : Series, DataFrame or array of n rows
        One series; a wide frame of several targets; or a panel with a MultiIndex ``(series,
        time)``, which is split by time stamp. Missing values go to the models; they are not scored.
    horizon : int
        Steps in each test part.
    n_folds, step, initial : int, optional
        Number of folds, stamps between origins (``horizon``), least number of training stamps. The
        last fold ends at the last row; without ``n_folds`` as many folds are made as fit after
        ``initial`` (half of the rows).
    window : {"expanding", "sliding"}, default="expanding"
        Train on all rows before an origin, or on as many as the first fold has (``initial`` if
        given).
    gap : int, default=0
        Stamps left out between training and test rows. Their covariates go to ``predict`` only
        where X is an array, whose rows have no other place than their number.
    refit : {"cold", "warm", "none"} or int, default="cold"
        "cold": a fresh clone is fitted in every fold, nothing is carried over. k: fitted in every
        k-th fold and given the new rows by ``update(X, y)`` in those between. "none": fitted in the
        first fold only, then updated. "warm": the same estimator is fitted again with
        ``warm_start=True``.
    n_jobs : int, default=1
        Processes of joblib over models and folds. The result does not depend on it.
    scoring : str, callable, list of str or dict, optional
        More metrics ``(y_true, y_pred) -> float`` per fold: names of ``tsrnn.metrics.METRICS``,
        a function, or a dict of name -> function.
    progress : bool or callable, default=False
        True shows a bar with the time left; a function is called with (done, total) after each
        fold.
    seasonality : int, optional
        Season that scales MASE; by default the M4 competition's for the calendar of y, or 1 where
        the first fold is not longer than that.

    Returns
    -------
    BacktestResult
        ``summary()``, ``verdict()``, ``plot()``, and the frames ``forecasts, scores, timings,
        errors``.

    Raises
    ------
    TypeError, ValueError
        For bad models, y, parameters, or too few rows, before anything is fitted; and when all
        models fail in every fold.

    Warns
    -----
    FitFailedWarning
        For each failure, with model and fold; the other folds and models go on.

    Notes
    -----
    A model never gets a row after its origin, but for the covariates X of the rows it forecasts. If
    those are not known in advance in real life, the backtest is too good: lag them, declare them
    ``past_only``, or pass what had been forecast of them as an :class:`AsOf`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> X = np.arange(60.0)[:, None]
    >>> y = 3 * X[:, 0] + np.sin(X[:, 0])
    >>> result = backtest({"line": LinearRegression()}, X, y, horizon=5, n_folds=6)
    >>> result.forecasts.shape
    (30, 8)
    >>> print(result.verdict())
    line beats the naive forecast by 92.8 % (p < 0.001).
    """
    named = _named_models(models)
    check_choice("window", window, WINDOWS)
    _check_refit(refit, named)
    for name, value in {"n_folds": n_folds, "initial": initial}.items():
        if value is not None:
            check_count(name, value)
    metrics = _named_metrics(scoring)
    data = read_data(X, y)
    folds = make_folds(data, horizon, n_folds, step, initial, window, gap)
    season = _season(seasonality, data, folds[0])
    chains = [(name, chain) for chain in make_chains(folds, refit) for name in named]
    outcomes = _run(chains, named, data, refit == "warm", n_jobs, progress)
    forecasts = _forecasts(outcomes, data)
    references = _references(folds, data, season)
    return BacktestResult(
        forecasts=forecasts,
        folds=references,
        scores=score_folds(forecasts, references, metrics),
        timings=_timings(outcomes),
        errors=_errors(outcomes, data),
        history=_history(data),
        horizon=horizon,
        step=step or horizon,
        gap=gap,
        seasonality=season,
        refit=refit,
    )


def _named_models(models: Any) -> dict[str, Any]:
    """Return clean clones by name."""
    if isinstance(models, Mapping):
        pairs = [(str(name), model) for name, model in models.items()]
    else:
        several = list(models) if isinstance(models, list | tuple) else [models]
        pairs = [(type(model).__name__.lower(), model) for model in several]
    if not pairs:
        raise ValueError("models is empty: expected at least one estimator")
    names = [name for name, _ in pairs]
    for name, model in pairs:
        if isinstance(model, type) or not (hasattr(model, "fit") and hasattr(model, "predict")):
            raise TypeError(
                f"models[{name!r}] is {model!r}: expected an estimator with fit and predict"
            )
        if names.count(name) > 1:
            raise ValueError(
                f"models: {names.count(name)} have the name {name!r}; "
                "pass a dict of name -> estimator"
            )
    return {name: clone(model) for name, model in pairs}


def _check_refit(refit: str | int, named: dict[str, Any]) -> None:
    if isinstance(refit, str):
        check_choice("refit", refit, REFITS)
    else:
        check_count("refit", refit)
    for name, model in named.items():
        if refit == "warm" and "warm_start" not in model.get_params(deep=False):
            raise ValueError(
                f"refit='warm': {name!r} ({type(model).__name__}) has no parameter warm_start; "
                "use refit='cold'"
            )
        if refit not in ("cold", "warm", 1) and not hasattr(model, "update"):
            raise ValueError(
                f"refit={refit!r}: {name!r} ({type(model).__name__}) has no method update; "
                "use refit='cold'"
            )


def _named_metrics(scoring: Any) -> dict[str, Metric]:
    if scoring is None:
        return {}
    if isinstance(scoring, Mapping):
        return dict(scoring)
    if callable(scoring):
        return {getattr(scoring, "__name__", "score"): scoring}
    names = [scoring] if isinstance(scoring, str) else list(scoring)
    for name in names:
        check_choice("scoring", name, list(METRICS))
    return {name: METRICS[name] for name in names}


def _season(seasonality: int | None, data: Data, first: Fold) -> int:
    stamps = len(np.unique(data.stamps[first.train]))
    if seasonality is None:
        season = observed_season(data.times.unique().sort_values())
        return season if season < stamps else 1
    check_count("seasonality", seasonality)
    if seasonality >= stamps:
        raise ValueError(
            f"seasonality={seasonality}: the first fold trains on {stamps} rows, at least "
            f"{seasonality + 1} are needed to scale MASE"
        )
    return seasonality


def _run(
    chains: Sequence[tuple[str, list[Fold]]],
    named: dict[str, Any],
    data: Data,
    warm: bool,
    n_jobs: int | None,
    progress: bool | Callable[[int, int], None],
) -> list[_Outcome]:
    """Run all chains, in this process or several; return outcomes by model, then by fold."""
    outcomes = []
    total = sum(len(chain) for _, chain in chains)
    with tqdm(total=total, desc="backtest", unit="fold", disable=progress is not True) as bar:
        for outcome in _outcomes(chains, named, data, warm, n_jobs):
            outcomes.append(outcome)
            _warn_of_failure(outcome, data)
            bar.update()
            if callable(progress):
                progress(len(outcomes), total)
    if all(outcome.error for outcome in outcomes):
        first = outcomes[0]
        raise ValueError(
            f"all models failed in every fold; {first.model!r} in fold {first.fold.number}: "
            f"{first.error}"
        )
    order = {name: i for i, name in enumerate(named)}
    return sorted(outcomes, key=lambda outcome: (order[outcome.model], outcome.fold.number))


def _outcomes(
    chains: Sequence[tuple[str, list[Fold]]],
    named: dict[str, Any],
    data: Data,
    warm: bool,
    n_jobs: int | None,
) -> Iterator[_Outcome]:
    if n_jobs == 0:
        raise ValueError("n_jobs=0: expected a number of processes >= 1, or -1 for all cores")
    given = _data_of_each(named, data)
    if effective_n_jobs(n_jobs) == 1:
        for name, chain in chains:
            yield from _run_chain(name, named[name], chain, given[name], warm)
        return
    # loky tells each worker to use its share of the cores, so torch threads do not pile up.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    for done in parallel(
        delayed(_chain_outcomes)(name, named[name], chain, given[name], warm)
        for name, chain in chains
    ):
        yield from done


def _data_of_each(named: dict[str, Any], data: Data) -> dict[str, Data]:
    """Leave out static columns, often text, for forecasters that cannot have any.

    Static are those that any of the models declares so; others may encode them in a pipeline. These
    get vintages as an array of what the origin knew.
    """
    inner = {name: _inner(model) for name, model in named.items()}
    if isinstance(data.X, AsOf):
        plain = {name: not isinstance(model, Forecaster) for name, model in inner.items()}
        return {name: replace(data, plain=plain[name]) for name in named}
    static = {name for model in inner.values() for name in getattr(model, "static", None) or ()}
    if not static or not isinstance(data.X, pd.DataFrame):
        return dict.fromkeys(named, data)
    dropped = [name for name in data.X.columns if name in static]
    without = replace(data, X=data.X.drop(columns=dropped))
    return {
        name: without if isinstance(model, Forecaster) and not hasattr(model, "static") else data
        for name, model in inner.items()
    }


def _chain_outcomes(
    name: str, model: Any, chain: list[Fold], data: Data, warm: bool
) -> list[_Outcome]:
    return list(_run_chain(name, model, chain, data, warm))


def _run_chain(
    name: str, model: Any, chain: list[Fold], data: Data, warm: bool
) -> Iterator[_Outcome]:
    """Fit a clone at the first fold, carry it through the others; after a failure start afresh."""
    fitted = None
    for fold in chain:
        action = "fit" if fitted is None or warm else "update"
        started = done = time.perf_counter()
        try:
            if fitted is None:
                fitted = clone(model).set_params(warm_start=True) if warm else clone(model)
            if action == "fit":
                fitted.fit(*data.rows(fold.train, fold))
            else:
                fitted.update(*data.rows(fold.new, fold))
            done = time.perf_counter()
            y_pred = _predict(fitted, data, fold)
        except Exception as error:
            fitted = None
            message = f"{type(error).__name__}: {error}"
            yield _Outcome(name, fold, action, error=message, traceback=traceback.format_exc())
        else:
            yield _Outcome(
                name, fold, action, done - started, time.perf_counter() - done, y_pred=y_pred
            )


def _predict(model: Any, data: Data, fold: Fold) -> NDArray:
    """Forecast the test rows of a fold, (rows, K); without X only their index is told."""
    known_places = isinstance(data.X, AsOf) or index_of(data.X) is not None
    rows = fold.test if known_places else rows_ahead(data, fold)
    index = None if data.index is None else data.index[rows]
    if data.X is not None:
        forecast = model.predict(_known_ahead(data.rows(rows, fold)[0], model))
    elif index is not None:
        forecast = model.predict(pd.DataFrame(index=index))
    else:
        forecast = model.predict(horizon=len(rows))
    values = np.asarray(_aligned(forecast, index), dtype=float)
    expected = (len(rows), data.values.shape[1])
    if values.size != np.prod(expected) or len(values) != len(rows):
        raise ValueError(f"predict returned the shape {values.shape}: expected {expected}")
    values = values.reshape(expected)[np.isin(rows, fold.test)]
    if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(
            f"predict returned {bad} values that are NaN or infinite, of {values.size}"
        )
    return values


def _known_ahead(X: Any, model: Any) -> Any:
    """Leave out the columns that a model reads in the past only."""
    past_only = getattr(_inner(model), "past_only", None)
    if past_only is None or not isinstance(X, pd.DataFrame):
        return X
    return X.drop(columns=[name for name in past_only if name in X.columns])


def _inner(model: Any) -> Any:
    """Return the model itself, of a search over parameters the model searched."""
    return getattr(model, "estimator", model)


def _aligned(forecast: Any, index: pd.Index | None) -> Any:
    got = index_of(forecast)
    if index is None or got is None or got.equals(index):
        return forecast
    if len(got) != len(index) or not index.isin(got).all():
        raise ValueError(
            f"predict returned the index {got[0]} .. {got[-1]}: expected {index[0]} .. {index[-1]}"
        )
    return forecast.reindex(index)


def _warn_of_failure(outcome: _Outcome, data: Data) -> None:
    if outcome.error:
        warnings.warn(
            f"model {outcome.model!r} failed in fold {outcome.fold.number} "
            f"(origin {data.origin(outcome.fold)}): {outcome.error}",
            FitFailedWarning,
            stacklevel=4,
        )


def _forecasts(outcomes: Sequence[_Outcome], data: Data) -> pd.DataFrame:
    """Lay the forecasts out tidily; the targets of a wide frame follow each other."""
    n_targets = data.values.shape[1]
    frames = [
        pd.DataFrame(
            {
                "model": outcome.model,
                "series": data.labels[fold.test].ravel(order="F"),
                "fold": fold.number,
                "origin": data.origin(fold),
                "step": np.tile(data.stamps[fold.test] - fold.last, n_targets),
                "time": data.times[np.tile(fold.test, n_targets)],
                "y_true": data.values[fold.test].ravel(order="F"),
                "y_pred": outcome.y_pred.ravel(order="F"),
            }
        )
        for outcome in outcomes
        for fold in [outcome.fold]
        if outcome.y_pred is not None
    ]
    return pd.concat(frames, ignore_index=True)


def _references(folds: Sequence[Fold], data: Data, season: int) -> pd.DataFrame:
    """Describe each fold and series by its training rows alone: the naive forecast, the scale."""
    groups = panel_rows(data.index) if isinstance(data.index, pd.MultiIndex) else None
    members = [rows for _, rows in groups] if groups else [np.arange(len(data.values))]
    found = []
    for fold in folds:
        in_train = np.isin(np.arange(len(data.values)), fold.train)
        for rows in members:
            train = rows[in_train[rows]]
            for k in range(data.values.shape[1] if len(train) else 0):
                values = data.values[train, k]
                observed = values[~np.isnan(values)]
                found.append(
                    {
                        "fold": fold.number,
                        "series": data.labels[train[0], k],
                        "origin": data.origin(fold),
                        "train_rows": len(train),
                        "last_value": observed[-1] if len(observed) else np.nan,
                        "scale": _scale(values, season),
                    }
                )
    return pd.DataFrame(found)


def _scale(values: NDArray, season: int) -> float:
    """Return the scale of MASE, NaN where no two training values lie a season apart."""
    try:
        return float(seasonal_naive_error(values, season)[0])
    except ValueError:
        return float("nan")


def _timings(outcomes: Sequence[_Outcome]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": [outcome.model for outcome in outcomes],
            "fold": [outcome.fold.number for outcome in outcomes],
            "action": [outcome.action for outcome in outcomes],
            "fit_seconds": [outcome.fit_seconds for outcome in outcomes],
            "predict_seconds": [outcome.predict_seconds for outcome in outcomes],
        }
    )


def _errors(outcomes: Sequence[_Outcome], data: Data) -> pd.DataFrame:
    failed = [outcome for outcome in outcomes if outcome.error]
    return pd.DataFrame(
        {
            "model": [outcome.model for outcome in failed],
            "fold": [outcome.fold.number for outcome in failed],
            "origin": [data.origin(outcome.fold) for outcome in failed],
            "error": [outcome.error for outcome in failed],
            "traceback": [outcome.traceback for outcome in failed],
        }
    )


def _history(data: Data) -> pd.DataFrame:
    n, n_targets = data.values.shape
    return pd.DataFrame(
        {
            "series": data.labels.ravel(order="F"),
            "time": data.times[np.tile(np.arange(n), n_targets)],
            "y": data.values.ravel(order="F"),
        }
    )
