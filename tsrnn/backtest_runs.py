"""Run the folds of a backtest: fit, forecast, note what failed; in this process or in several.

Conventions: K targets (1 but for a wide frame), L quantile levels. A chain is a run of folds
through which one fitted model is carried.
"""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone
from threadpoolctl import ThreadpoolController

from tsrnn.asof import AsOf
from tsrnn.backtest_checkpoints import Checkpoints
from tsrnn.base import Forecaster
from tsrnn.containers import index_of
from tsrnn.folds import Data, Fold, Outcome, rows_ahead
from tsrnn.peak_memory import PeakMemory
from tsrnn.wrapped import chosen_by_search, is_forecaster


@dataclass(frozen=True)
class Chain:
    """One task: a model, the folds it is carried through, and what it is given."""

    name: str
    model: Any
    folds: list[Fold]
    data: Data
    levels: NDArray  # (L,)
    warm: bool

    def run(self) -> Iterator[Outcome]:
        """Fit a clone at the first fold, carry it on; after a failure start afresh."""
        fitted = None
        for fold in self.folds:
            if fitted is None:
                fitted = clone(self.model)
                fitted = fitted.set_params(warm_start=True) if self.warm else fitted
                action = "fit"
            outcome = self._run_fold(fitted, fold, action)
            fitted = None if outcome.y_pred is None else fitted
            action = "fit" if self.warm else "update"
            yield outcome

    def _run_fold(self, model: Any, fold: Fold, action: str) -> Outcome:
        outcome, stage = Outcome(self.name, fold, action), action
        with PeakMemory() as peak:
            try:
                started = time.perf_counter()
                if action == "fit":
                    model.fit(*self.data.rows(fold.train, fold))
                else:
                    model.update(*self.data.rows(fold.new, fold))
                outcome = replace(outcome, fit_seconds=time.perf_counter() - started)
                stage, started = "predict", time.perf_counter()
                y_pred = _forecast(model, self.data, fold)
                seconds = time.perf_counter() - started
                outcome = replace(outcome, predict_seconds=seconds, y_pred=y_pred)
                stage = "predict_quantiles"
                quantiles = _quantiles(model, self.data, fold, self.levels)
                outcome = replace(outcome, quantiles=quantiles)
            except Exception as error:  # any: a model may be the user's own
                text = f"{type(error).__name__}: {error}"
                outcome = replace(
                    outcome, stage=stage, error=text, traceback=traceback.format_exc()
                )
        return replace(outcome, peak_mb=peak.mb)


def run_chains(
    chains: Sequence[Chain], n_jobs: int | None, checkpoints: Checkpoints | None
) -> Iterator[Outcome]:
    """Yield all outcomes, in the order in which they are done; finished chains are kept."""
    waiting = []
    for chain in chains:
        kept = checkpoints and checkpoints.read(chain.folds, *_identity(chain))
        if kept:
            yield from kept
        else:
            waiting.append(chain)
    # With several chains each has one thread, whatever n_jobs is: the results are then the same
    # bit for bit, and n_jobs, not the threads of each fit, shares out the cores.
    threads = 1 if len(chains) > 1 else None
    if effective_n_jobs(n_jobs) == 1 or len(waiting) < 2:
        for chain in waiting:
            yield from _kept(chain, _on_threads(chain, threads), checkpoints)
        return
    tasks = (delayed(_numbered)(i, chain, threads) for i, chain in enumerate(waiting))
    for i, outcomes in _parallel(n_jobs)(tasks):
        yield from _kept(waiting[i], outcomes, checkpoints)


def _parallel(n_jobs: int | None) -> Parallel:
    """Return joblib's executor, which gives results as they come unless the back end cannot."""
    try:
        return Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # Ray's back end
        return Parallel(n_jobs=n_jobs)


def _numbered(i: int, chain: Chain, threads: int | None) -> tuple[int, list[Outcome]]:
    return i, list(_on_threads(chain, threads))


def _on_threads(chain: Chain, threads: int | None) -> Iterator[Outcome]:
    """Run a chain with so many threads of OpenMP and BLAS; the caller's count between folds."""
    outcomes, pools = chain.run(), ThreadpoolController()
    while True:
        with pools.limit(limits=threads):
            outcome = next(outcomes, None)
        if outcome is None:
            return
        yield outcome


def _kept(
    chain: Chain, outcomes: Iterator[Outcome] | list[Outcome], checkpoints: Checkpoints | None
) -> Iterator[Outcome]:
    """Pass outcomes on, and keep those of a chain in which nothing failed."""
    done = []
    for outcome in outcomes:
        done.append(outcome)
        yield outcome
    if checkpoints is not None and not any(outcome.error for outcome in done):
        checkpoints.write(done, *_identity(chain))


def _identity(chain: Chain) -> tuple[Any, ...]:
    """Return what the outcomes depend on, beside the data and the folds; the name comes first."""
    columns = list(getattr(chain.data.X, "columns", ()))  # some models are given fewer
    return chain.name, chain.model, chain.levels, chain.warm, columns, chain.data.plain


def data_of_each(models: Mapping[str, Any], data: Data) -> dict[str, Data]:
    """Leave out static columns, often text, for forecasters that cannot have any.

    Static are those that any of the models declares so; others may encode them in a pipeline. These
    get vintages as an array of what the origin knew.
    """
    inner = {name: _searched(model) for name, model in models.items()}
    if data.X is None:
        return {name: _with_frame(model, data) for name, model in models.items()}
    if isinstance(data.X, AsOf):
        plain = {name: not isinstance(model, Forecaster) for name, model in inner.items()}
        return {name: replace(data, plain=plain[name]) for name in models}
    static = {name for model in inner.values() for name in getattr(model, "static", None) or ()}
    if not static or not isinstance(data.X, pd.DataFrame):
        return dict.fromkeys(models, data)
    dropped = [name for name in data.X.columns if name in static]
    without = replace(data, X=data.X.drop(columns=dropped))
    return {
        name: without if isinstance(model, Forecaster) and not hasattr(model, "static") else data
        for name, model in inner.items()
    }


def _with_frame(model: Any, data: Data) -> Data:
    """Give searches and pipelines around a forecaster an X without columns: they split it."""
    if isinstance(model, Forecaster) or not is_forecaster(model):
        return data
    index = pd.RangeIndex(len(data.values)) if data.index is None else data.index
    return replace(data, X=pd.DataFrame(index=index))


def _forecast(model: Any, data: Data, fold: Fold) -> NDArray:
    """Forecast the test rows of a fold, (test rows, K)."""
    return _ask(model.predict, (), model, data, fold, n_levels=1)[:, :, 0]


def _quantiles(model: Any, data: Data, fold: Fold, levels: NDArray) -> NDArray | None:
    """Forecast quantiles of the test rows, (test rows, K, L); None of models that have none."""
    best = chosen_by_search(model)
    if not len(levels) or not hasattr(best, "predict_quantiles"):
        return None
    return _ask(best.predict_quantiles, (levels,), model, data, fold, n_levels=len(levels))


def _ask(
    method: Any, before: tuple[Any, ...], model: Any, data: Data, fold: Fold, *, n_levels: int
) -> NDArray:
    """Call a method that forecasts; without X only the index of the rows is told."""
    known_places = isinstance(data.X, AsOf) or index_of(data.X) is not None
    rows = fold.test if known_places else rows_ahead(data, fold)
    index = None if data.index is None else data.index[rows]
    if data.X is not None:
        with warnings.catch_warnings():
            # A pipeline needs all columns to transform; its forecaster leaves out what it must.
            warnings.filterwarnings("ignore", "X has values of the past-only columns")
            answer = method(*before, _known_ahead(data.rows(rows, fold)[0], model))
    elif index is not None:
        answer = method(*before, pd.DataFrame(index=index))
    else:
        answer = method(*before, horizon=len(rows))
    values = np.asarray(_aligned(answer, index, method.__name__), dtype=float)
    expected = (len(rows), data.values.shape[1], n_levels)
    if values.size != np.prod(expected) or len(values) != len(rows):
        shape = expected if n_levels > 1 else expected[:2]
        raise ValueError(f"{method.__name__} returned the shape {values.shape}: expected {shape}")
    values = values.reshape(expected)[np.isin(rows, fold.test)]
    if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(
            f"{method.__name__} returned {bad} values that are NaN or infinite, of {values.size}"
        )
    return values


def _known_ahead(X: Any, model: Any) -> Any:
    """Leave out the columns that a model reads in the past only."""
    past_only = getattr(_searched(model), "past_only", None)
    if past_only is None or not isinstance(X, pd.DataFrame):
        return X
    return X.drop(columns=[name for name in past_only if name in X.columns])


def _searched(model: Any) -> Any:
    """Return the model itself, of a search over parameters the model searched."""
    return getattr(model, "estimator", model)


def _aligned(answer: Any, index: pd.Index | None, method: str) -> Any:
    got = index_of(answer)
    if index is None or got is None or got.equals(index):
        return answer
    if len(got) != len(index) or not index.isin(got).all():
        raise ValueError(
            f"{method} returned the index {got[0]} .. {got[-1]}: expected {index[0]} .. {index[-1]}"
        )
    return answer.reindex(index)
