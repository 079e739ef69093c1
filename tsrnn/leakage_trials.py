"""Trials of an audit: change what a fold must not know, fit again, and compare the forecasts.

Conventions: K outputs of a forecast, m test rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from tsrnn.asof import AsOf
from tsrnn.containers import index_of, is_positional
from tsrnn.leakage_held import Held, held_rows, with_other_rows
from tsrnn.leakage_report import Leak, listed
from tsrnn.leakage_sample import FUTURES, Sample, changed_values, table
from tsrnn.leakage_splits import Fold
from tsrnn.wrapped import chosen_by_search, innermost, is_forecaster

CHANGED = 1e-6  # of the spread of y: a smaller change of a forecast is rounding
SEED = 0  # where an estimator has no seed of its own
MOST_COLUMNS = 50  # that are looked at one by one


@dataclass(frozen=True)
class Trial:
    """An estimator fitted in one fold, and what it forecast."""

    estimator: Any  # not fitted, with a seed
    fit_params: Any
    sample: Sample
    fold: Fold
    model: Any  # fitted on the training rows
    forecast: NDArray[np.float64]  # (m, K)
    spread: float  # standard deviation of y in training

    def forecast_with(
        self, sample: Sample, estimator: Any = None, fit_params: Any = None
    ) -> NDArray[np.float64]:
        """Fit on the training rows of a sample, an estimator as it is, and forecast."""
        fresh = clone(self.estimator) if estimator is None else estimator
        params = self.fit_params if fit_params is None else fit_params
        return predict(fit(fresh, sample, self.fold.train, params, self.fold), sample, self.fold)

    def change(self, forecast: NDArray, rows: NDArray | slice = slice(None)) -> float:
        """Return the largest change of the forecasts of some test rows, in deviations of y."""
        if forecast.shape != self.forecast.shape:  # a classifier that saw other classes
            return np.inf
        difference = np.abs(forecast - self.forecast)[rows]
        both = np.isnan(forecast[rows]) & np.isnan(self.forecast[rows])
        change = np.where(both, 0.0, np.where(np.isnan(difference), np.inf, difference))
        return float(change.max(initial=0.0)) / self.spread

    def leak(self, step: str, column: str, kind: str, how: str, size: float = float("nan")) -> Leak:
        """Make a leak of this trial's fold."""
        return self.fold.leak(step, column, kind, how, size)


def start_trial(estimator: Any, fit_params: Any, sample: Sample, fold: Fold) -> Trial:
    """Fit a fresh clone in one fold."""
    seeded = with_seed(estimator)
    model = fit(clone(seeded), sample, fold.train, fit_params, fold)
    values = table(sample.rows(fold.train)[1])[1]
    spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
    forecast = predict(model, sample, fold)
    return Trial(seeded, fit_params, sample, fold, model, forecast, spread or 1.0)


def training_change(trial: Trial, rows: NDArray) -> float:
    """Return how far forecasts move with the targets of some training rows."""
    mask = np.isin(np.arange(len(trial.sample.stamps)), rows)
    none = np.zeros_like(mask)
    return max(
        trial.change(trial.forecast_with(trial.sample.with_future(none, mask, future, SEED)))
        for future in FUTURES
    )


def parameter_leaks(trial: Trial) -> list[Leak]:
    """Find parameters, of the estimator or of ``fit``, that hold rows of the future."""
    fresh, arguments = clone(trial.estimator), _arguments(trial)
    held = held_rows(fresh.get_params(deep=True), trial.sample)
    given = held_rows(arguments, trial.sample)
    found = []
    for name, parts in {**held, **{f"fit:{name}": part for name, part in given.items()}}.items():
        late = [part for part in parts if _is_future(part, trial)]
        if late:
            tested = sum(int(np.isin(part.rows, trial.fold.test).sum()) for part in late)
            rows = sum(len(part.rows) for part in late)
            where = f"{tested} of them in the test part" if tested else "after the origin"
            how = f"it holds {rows} rows of the data, {where}"
            column = listed(list(dict.fromkeys(part.source for part in late)))
            step = f"parameter {name.removeprefix('fit:')!r}"
            step += " of fit" if name.startswith("fit:") else ""
            size = _held_change(trial, fresh, arguments, late)
            found.append(trial.leak(step, column, "test rows in a parameter", how, size))
    return found


def state_leaks(trial: Trial) -> tuple[list[Leak], list[str]]:
    """Fit on other rows in between: neither a clone nor a second fit may remember them."""
    noise = trial.change(trial.forecast_with(trial.sample))
    if noise > CHANGED:
        return [], [
            f"Two equal fits differ by {noise:.2g} deviations of y, so a state kept between fits "
            "could not be told: pass an integer random_state"
        ]
    sample, fold = trial.sample, trial.fold
    future = sample.with_future(
        sample.stamps > fold.first, sample.stamps >= fold.first, FUTURES[0], SEED
    )
    used = clone(trial.estimator)
    try:
        fit(used, future, np.arange(len(sample.stamps)), trial.fit_params, fold)
        again = trial.forecast_with(sample, used)
    except Exception as error:  # any: an estimator may be the user's own
        return [], [f"A fit on changed rows failed, so no state was looked for: {error}"]
    found = []
    shared = trial.change(trial.forecast_with(sample))
    if shared > CHANGED:
        how = "a clone forecasts otherwise after another one was fitted on later rows"
        found.append(trial.leak("estimator", "y", "state shared between clones", how, shared))
    elif (kept := trial.change(again)) > CHANGED:
        step = _first_step(trial, used)
        how = "fitted on later rows first, then on the training rows, it forecasts otherwise"
        warm = [n for n, v in used.get_params().items() if n.endswith("warm_start") and v is True]
        how += f" ({', '.join(warm)}=True)" if warm else ""
        found.append(trial.leak(step, "y", "state kept between fits", how, kept))
    return found, []


def look_ahead_leaks(trial: Trial) -> list[Leak]:
    """Change X of the later test rows: the forecasts of the earlier ones must stay."""
    sample, fold = trial.sample, trial.fold
    tested = sample.stamps[fold.test]
    middle = np.unique(tested)[len(np.unique(tested)) // 2]
    early, later = tested < middle, sample.stamps >= middle
    if not early.any() or table(sample.X)[1].shape[1] == 0:
        return []

    def change(columns: list[int] | None = None) -> float:
        others = range(_width(sample.X)) if columns is None else columns
        changed = [sample.with_columns(list(others), later, f, SEED) for f in FUTURES]
        return max(trial.change(predict(trial.model, other, fold), early) for other in changed)

    size = change()
    if size <= CHANGED:
        return []
    some = [i for i in range(min(_width(sample.X), MOST_COLUMNS)) if change([i]) > CHANGED]
    names = [_column_names(sample.X)[i] for i in some]
    step = _step_looking_ahead(trial, early, later)
    how = "the forecasts of the first test rows change with X of the later ones"
    return [trial.leak(step, listed(names) or "X", "looks at later test rows", how, size)]


def covariate_changes(trial: Trial, columns: list[int]) -> dict[int, float]:
    """Return how far forecasts move with each column of X after the origin, where they do."""
    sample, fold = trial.sample, trial.fold
    later = sample.stamps > fold.last
    changes = {}
    for i in columns:
        samples = [sample.with_columns([i], later, future, SEED) for future in FUTURES]
        size = max(trial.change(predict(trial.model, other, fold)) for other in samples)
        if size > CHANGED:
            changes[i] = size
    return changes


def vintage_leaks(trial: Trial) -> list[Leak]:
    """Cut the vintages at the origin: the forecasts must stay."""
    X = trial.sample.X
    if not isinstance(X, AsOf):
        return []
    cut = replace(trial.sample, X=X.until(trial.fold.origin))
    size = trial.change(trial.forecast_with(cut))
    if size <= CHANGED:
        return []
    how = "forecasts change when vintages issued after the origin are left out"
    return [trial.leak("estimator", listed(X.columns), "later vintages", how, size)]


def with_seed(estimator: Any) -> Any:
    """Return a clone in which every random_state that draws anew is a number."""
    fresh = clone(estimator)
    seeds = {
        name: SEED
        for name, value in fresh.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and not isinstance(value, int | np.integer)
    }
    return fresh.set_params(**seeds) if seeds else fresh


def fit(estimator: Any, sample: Sample, rows: NDArray, fit_params: Any, fold: Fold) -> Any:
    """Fit an estimator as it is."""
    params = fit_arguments(fit_params, sample, rows, fold)
    X, y = sample.rows(rows)
    with quiet():
        return estimator.fit(X, y, **params)


def predict(model: Any, sample: Sample, fold: Fold) -> NDArray[np.float64]:
    """Forecast the test rows of a fold (m, K); of a classifier the probabilities."""
    with quiet():
        if is_forecaster(model):
            return _forecast(model, sample, fold)
        method = getattr(model, "predict_proba", None) if is_classifier(model) else None
        X = sample.rows(fold.test)[0]
        values = (method or model.predict)(X)
    return np.asarray(values, dtype=np.float64).reshape(len(fold.test), -1)


def fit_arguments(fit_params: Any, sample: Sample, rows: NDArray, fold: Fold) -> dict[str, Any]:
    """Return what ``fit`` is given besides X and y; values of n rows are cut to those rows."""
    if callable(fit_params):
        return dict(fit_params(sample.X, sample.y, fold.train, fold.test))
    return {
        name: _safe_indexing(value, rows)
        if hasattr(value, "__len__") and len(value) == len(sample.stamps)
        else value
        for name, value in (fit_params or {}).items()
    }


def transformed(step: Any, X: Any) -> Any:
    """Return what a fitted step of a pipeline makes of X; "passthrough" makes nothing of it."""
    return step.transform(X) if hasattr(step, "transform") else X


@contextmanager
def quiet() -> Iterator[None]:
    """Hide warnings: those of fits on the caller's own rows come when he fits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _forecast(model: Any, sample: Sample, fold: Fold) -> NDArray[np.float64]:
    """Forecast from the origin, across the gap where rows have no place but their number."""
    placed = isinstance(sample.X, AsOf) or not is_positional(index_of(sample.X))
    placed = placed or (sample.X is None and not is_positional(sample.index))
    ahead = (sample.stamps > fold.last) & (sample.stamps <= sample.stamps[fold.test].max())
    rows = fold.test if placed else np.flatnonzero(ahead)
    if sample.X is not None:
        values = model.predict(_without_past_only(sample.rows(rows)[0], model))
    elif placed and sample.index is not None:
        values = model.predict(pd.DataFrame(index=sample.index[rows]))
    else:
        values = model.predict(horizon=len(rows))
    return np.asarray(values, dtype=np.float64).reshape(len(rows), -1)[np.isin(rows, fold.test)]


def _without_past_only(X: Any, model: Any) -> Any:
    names = getattr(innermost(model), "past_only", None) or ()
    if isinstance(model, Pipeline) or not isinstance(X, pd.DataFrame):
        return X
    return X.drop(columns=[name for name in names if name in X.columns])


def _arguments(trial: Trial) -> Mapping[str, Any]:
    """Return the arguments of fit that do not come from cutting rows."""
    if callable(trial.fit_params):
        return fit_arguments(trial.fit_params, trial.sample, trial.fold.train, trial.fold)
    n = len(trial.sample.stamps)
    whole = {
        name: value
        for name, value in (trial.fit_params or {}).items()
        if not (hasattr(value, "__len__") and len(value) == n)
    }
    return whole


def _is_future(part: Held, trial: Trial) -> bool:
    return bool((trial.sample.stamps[part.rows] > trial.fold.last).any())


def _held_change(trial: Trial, fresh: Any, arguments: Mapping[str, Any], held: list[Held]) -> float:
    """Return how far forecasts move with the future rows that parameters hold."""
    sample, fold = trial.sample, trial.fold
    later, sizes = sample.stamps > fold.last, []
    for future in FUTURES:
        changed = sample.with_future(later, later, future, SEED)
        estimator = with_other_rows(fresh, held, changed)
        params = {**_cut_params(trial), **with_other_rows(dict(arguments), held, changed)}
        sizes.append(trial.change(trial.forecast_with(sample, estimator, params)))
    return max(sizes)


def _cut_params(trial: Trial) -> dict[str, Any]:
    return {} if callable(trial.fit_params) else dict(trial.fit_params or {})


def _first_step(trial: Trial, other: Any) -> str:
    """Name the first step of a fitted pipeline whose output differs from the trial's."""
    model, other = chosen_by_search(trial.model), chosen_by_search(other)
    if not isinstance(other, Pipeline):
        return "estimator"
    rows = trial.sample.rows(trial.fold.test)[0]
    before = after = rows
    with quiet():
        for name, _ in other.steps[:-1]:
            before = transformed(model.named_steps[name], before)
            after = transformed(other.named_steps[name], after)
            if _differ(before, after):
                return f"pipeline step {name!r}"
    return f"pipeline step {other.steps[-1][0]!r}"


def _step_looking_ahead(trial: Trial, early: NDArray, later: NDArray) -> str:
    """Name the first step of the pipeline whose early rows change with X of later ones."""
    model = chosen_by_search(trial.model)
    if not isinstance(model, Pipeline):
        return "predict"
    sample = trial.sample.with_columns(list(range(_width(trial.sample.X))), later, FUTURES[0], SEED)
    before, after = trial.sample.rows(trial.fold.test)[0], sample.rows(trial.fold.test)[0]
    with quiet():
        for name, step in model.steps[:-1]:
            before, after = transformed(step, before), transformed(step, after)
            if _differ(before, after, early):
                return f"pipeline step {name!r}"
    return f"pipeline step {model.steps[-1][0]!r}"


def _differ(before: Any, after: Any, rows: NDArray | slice = slice(None)) -> bool:
    a, b = (
        np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=np.float64)
        for part in (before, after)
    )
    a, b = a.reshape(len(a), -1)[rows], b.reshape(len(b), -1)[rows]
    return a.shape != b.shape or bool(changed_values(a, b).any())


def _width(X: Any) -> int:
    return int(np.prod(X.shape[1:]))


def _column_names(X: Any) -> list[Any]:
    return list(X.columns) if isinstance(X, pd.DataFrame) else table(X)[0]
