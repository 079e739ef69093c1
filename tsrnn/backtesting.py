"""Backtest forecasters: fit on the past of each origin, forecast what follows, score and compare.

Conventions: n rows, K targets (1 but for a wide frame). Folds and chains are those of ``folds``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from tqdm import tqdm

from tsrnn.backtest_checkpoints import Checkpoints
from tsrnn.backtest_frames import (
    errors_frame,
    folds_frame,
    forecasts_frame,
    history_frame,
    references_frame,
    timings_frame,
)
from tsrnn.backtest_result import BacktestResult
from tsrnn.backtest_runs import Chain, data_of_each, run_chains
from tsrnn.backtest_scores import score_frames, with_errors
from tsrnn.backtest_scoring import check_scoring, names_of_ours, read_scoring
from tsrnn.backtest_settings import describe, plain_length
from tsrnn.calendars import observed_season
from tsrnn.checks import check_choice, check_count, read_levels
from tsrnn.folds import Data, Fold, Outcome, make_chains, make_folds, read_data
from tsrnn.lengths import Length, read_length

WINDOWS = ("expanding", "sliding")
REFITS = ("cold", "warm", "none")
# Two intervals, of 80 and 90 %, and enough levels between them to see a distribution.
LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def backtest(
    models: Any,
    X: Any = None,
    y: Any = None,
    *,
    horizon: int,
    n_folds: int | None = None,
    step: Length | None = None,
    initial: Length | None = None,
    window: str = "expanding",
    gap: Length = 0,
    refit: str | int = "cold",
    n_jobs: int | None = 1,
    scoring: Any = None,
    progress: bool | Callable[[int, int], None] = False,
    seasonality: int | None = None,
    levels: Sequence[float] = LEVELS,
    checkpoint: Any = None,
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
    n_folds : int, optional
        Number of folds. The last one ends at the last row; without ``n_folds`` as many are made as
        fit after ``initial``.
    step, initial : int or calendar length such as "1 week", optional
        Distance between origins (``horizon`` by default); least of what the first fold trains on
        (half of the rows). Lengths are those of :class:`ExpandingWindowSplit`.
    window : {"expanding", "sliding"}, default="expanding"
        Train on all rows before an origin, or on as many as the first fold has (``initial`` if
        given).
    gap : int or calendar length, default=0
        Stamps left out between training and test rows. Their covariates go to ``predict`` only
        where X is an array, whose rows have no other place than their number.
    refit : {"cold", "warm", "none"} or int, default="cold"
        "cold": a fresh clone is fitted in every fold, nothing is carried over. k: fitted in every
        k-th fold and given the new rows by ``update(X, y)`` in those between. "none": fitted in the
        first fold only, then updated. "warm": the same estimator is fitted again with
        ``warm_start=True``.
    n_jobs : int, default=1
        Processes of joblib over models and folds, -1 for all cores; ``joblib.parallel_config``
        chooses another back end, Dask or Ray with their clusters. The result does not depend on
        it, bit for bit: with more than one model or fit each of them runs on one thread.
    scoring : str, callable, list of these or dict of name -> these, optional
        More metrics ``(y_true, y_pred) -> float``: names of ``tsrnn.metrics.METRICS``, or
        functions. They are tried on the test targets before anything is fitted.
    progress : bool or callable, default=False
        True shows a bar with the time left; a function is called with (done, total) after each
        fold.
    seasonality : int, optional
        Season that scales MASE; by default the M4 competition's for the calendar of y, or 1 where
        the first fold is not longer than that. It is the season of the seasonal naive forecast too.
    levels : sequence of float, optional
        Levels of the quantiles that models with ``predict_quantiles`` are asked for; ``()`` for
        none. Without such a model there are none either. The symmetric ones among them are scored
        as intervals.
    checkpoint : path, optional
        A folder in which the forecasts of finished folds are kept: a later call with the same
        models, data, folds and versions goes on where this one was interrupted. With another
        ``refit`` than "cold" a model's folds are kept when all of them are done. That the code of
        a model of your own has changed is not seen.

    Returns
    -------
    BacktestResult
        ``summary()``, ``verdict()``, ``plot()``, ``to_html()``, ``save()``, and the frames
        ``forecasts, references, scores, timings, errors``.

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
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(
            f"n_jobs={n_jobs!r}: expected a number of processes >= 1, or -1 for all cores"
        )
    check_count("horizon", horizon)
    if n_folds is not None:
        check_count("n_folds", n_folds)
    if initial is not None:
        read_length("initial", initial)
    metrics = read_scoring(scoring)
    wanted = read_levels(levels) if np.size(levels) else np.empty(0)
    data = read_data(X, y)
    folds = make_folds(data, horizon, n_folds, step, initial, window, gap)
    season = _season(seasonality, data, folds[0])
    check_scoring(metrics, _tested(data, folds))
    given = data_of_each(named, data)
    chains = [
        Chain(name, named[name], chain, given[name], wanted, warm=refit == "warm")
        for chain in make_chains(folds, refit)
        for name in named
    ]
    checkpoints = None if checkpoint is None else Checkpoints.of(checkpoint, data)
    outcomes = _run(chains, data, n_jobs, checkpoints, progress)
    if all(outcome.quantiles is None for outcome in outcomes):
        wanted = np.empty(0)
    forecasts = forecasts_frame(outcomes, data, wanted)
    references, bounds = references_frame(folds, data, season), folds_frame(folds, data, season)
    rows = with_errors(forecasts, references, bounds, wanted)
    arguments = {
        "horizon": int(horizon),
        "step": plain_length(horizon if step is None else step),
        "initial": plain_length(initial),
        "gap": plain_length(gap),
        "window": window,
        "refit": refit if isinstance(refit, str) else int(refit),
        "seasonality": int(season),
        "scoring": names_of_ours(metrics),
    }
    return BacktestResult(
        forecasts=forecasts,
        references=references,
        folds=bounds,
        scores=score_frames(rows, wanted, metrics),
        timings=timings_frame(outcomes),
        errors=errors_frame(outcomes, data),
        history=history_frame(data),
        settings=describe(named, folds, data, wanted, arguments),
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
        # Of some scikit-learn models, such as stacks, only the class has predict before fit.
        usable = all(hasattr(model, n) or hasattr(type(model), n) for n in ("fit", "predict"))
        if isinstance(model, type) or not usable:
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
    check_count("refit", refit, also=REFITS)
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


def _tested(data: Data, folds: list[Fold]) -> NDArray:
    """Return the observed targets of all test rows."""
    values = data.values[np.unique(np.concatenate([fold.test for fold in folds]))]
    observed = values[~np.isnan(values)]
    if not len(observed):
        raise ValueError(f"y: nothing was observed in the test rows of the {len(folds)} folds")
    return observed


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
    chains: Sequence[Chain],
    data: Data,
    n_jobs: int | None,
    checkpoints: Checkpoints | None,
    progress: bool | Callable[[int, int], None],
) -> list[Outcome]:
    """Run all chains, in this process or several; return outcomes by model, then by fold."""
    outcomes = []
    total = sum(len(chain.folds) for chain in chains)
    with tqdm(total=total, desc="backtest", unit="fold", disable=progress is not True) as bar:
        for outcome in run_chains(chains, n_jobs, checkpoints):
            outcomes.append(outcome)
            _warn_of_failure(outcome, data)
            bar.update()
            if callable(progress):
                progress(len(outcomes), total)
    if all(outcome.y_pred is None for outcome in outcomes):
        first = outcomes[0]
        raise ValueError(
            f"all models failed in every fold; {first.model!r} in fold {first.fold.number}: "
            f"{first.error}"
        )
    names = list(dict.fromkeys(chain.name for chain in chains))
    return sorted(outcomes, key=lambda done: (names.index(done.model), done.fold.number))


def _warn_of_failure(outcome: Outcome, data: Data) -> None:
    if outcome.error:
        warnings.warn(
            f"model {outcome.model!r} failed ({outcome.stage}) in fold {outcome.fold.number} "
            f"(origin {data.origin(outcome.fold)}): {outcome.error}",
            FitFailedWarning,
            stacklevel=4,
        )
