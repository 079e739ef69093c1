"""Audit an evaluation: nothing after an origin may reach the forecasts made there.

A forecast is honest if two worlds that agree up to its origin give the same one (non-interference,
Goguen and Meseguer 1982). The audit makes such worlds and compares, and where the finished data do
not say how they were made, it looks for values that only the future can have made. The kinds of
leaks are those of Kapoor and Narayanan (2023, Patterns 4, 100804), as far as time decides them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from tsrnn.asof import AsOf
from tsrnn.base import Forecaster
from tsrnn.checks import check_count
from tsrnn.leakage_filters import looks_measured
from tsrnn.leakage_prepare import Prepare, prepare_leaks, prepare_sample, prepared_change
from tsrnn.leakage_report import Leak, LeakageReport, listed, make_report
from tsrnn.leakage_sample import Sample, read_sample
from tsrnn.leakage_signs import (
    Columns,
    Reach,
    filled_from_all,
    find_signs,
    lag_in_name,
    scaled_over_all,
    target_reach,
)
from tsrnn.leakage_splits import (
    LATE,
    OVERLAP,
    Fold,
    count_of_rows,
    early_rows,
    known_rows,
    late_rows,
    list_folds,
    overlap_leaks,
    overlapping_rows,
    split_leaks,
)
from tsrnn.leakage_trials import (
    Trial,
    covariate_changes,
    look_ahead_leaks,
    parameter_leaks,
    quiet,
    start_trial,
    state_leaks,
    training_change,
    transformed,
    vintage_leaks,
)
from tsrnn.model_selection import first_unchronological_fold
from tsrnn.wrapped import chosen_by_search, innermost, is_forecaster

PLANNED, LAGGED = "it may be planned", "its name tells a lag as long as the forecasts"
ROW_NOTE = (
    "X of a test row is taken to be known when its forecast is made; to have that tried, name the "
    "columns that are: known_in_advance=[...]"
)


def audit_leakage(
    estimator: Any,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    *,
    prepare: Prepare | None = None,
    known_in_advance: Sequence[Any] | None = None,
    horizon: int | None = None,
    fit_params: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
    n_folds: int = 2,
) -> LeakageReport:
    """Look for ways in which the future reaches the forecasts of a cross-validation.

    What lies after each origin is changed (targets, covariates, what scalers, validation and
    earlier fits saw) and the forecasts are made again: they must stay the same. Where a leak
    happened before this call, its traces in X and y are looked for.

    Parameters
    ----------
    estimator : estimator
        A scikit-learn estimator or pipeline, whose rows of X are known at their own time, or a
        forecaster, whose rows of X must be known at the origin. It is cloned, yours is left as it
        is.
    X : frame or array of n rows and two or three dimensions, AsOf, or None
    y : Series, frame or array of n rows
        A MultiIndex ``(series, time)`` is a panel.
    cv : splitter, int or iterable of (train, test)
        What you evaluate with; as in scikit-learn an integer means KFold.
    prepare : callable (X, y) -> (X, y), optional
        How X and y are made. X and y are then the raw ones, and the preparation is run on changed
        rows: a proof, where finished data give signs only (a centred mean of a column that is not
        in X, or back-filled values, leave none). It runs about 25 times in each of the ``n_folds``.
    known_in_advance : list of columns of X (numbers for arrays), optional
        Columns known before their time, such as planned prices: with a list all others must not
        move the forecasts from the origin on. By default forecasters may use calendars, trends,
        flags and columns lagged by the horizon (X has their source, or their name tells the lag:
        "wind_lag24"); other columns that move like measurements are leaks.
    horizon : int, optional
        Rows from a row's own time to its target, or the last of its targets. By default it is
        found where y and X show it; 1 says that targets belong to their own row.
    fit_params : dict, or callable (X, y, train, test) -> dict, optional
        Arguments of ``fit``, such as a validation set. Arrays of n rows are cut to the training
        rows.
    n_folds : int, default=2
        Folds in which the estimator is fitted, spread evenly from the first to the last. The first
        costs five fits, each of the others one, a suspicion two more.

    Returns
    -------
    LeakageReport
        ``leaks``, a frame with fold, origin, step, column, kind, how, size and cure; ``notes``;
        ``clean``; ``sentences()``; ``raise_if_leaking()``.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit each other, and what the estimator or ``prepare`` raises.

    Notes
    -----
    No alarm is no proof without ``prepare``: a trace is seen where it is exact. A value that was
    measured later than its time stamp says, or revised, leaves none: give vintages as
    :class:`tsrnn.AsOf`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from sklearn.preprocessing import StandardScaler
    >>> rng = np.random.default_rng(0)
    >>> y = pd.Series(rng.normal(size=120).cumsum())
    >>> X = pd.DataFrame({"lag1": y.shift(1, fill_value=0), "wind": rng.gamma(2, size=120)})
    >>> audit_leakage(Ridge(), X, y, TimeSeriesSplit(5)).clean
    True
    >>> X["wind"] = StandardScaler().fit_transform(X[["wind"]])
    >>> report = audit_leakage(Ridge(), X, y, TimeSeriesSplit(5))
    >>> report.leaks.loc[0, ["step", "column", "kind"]].tolist()
    ['before the split', 'wind', 'scaled over all rows']
    """
    _check(estimator, cv, fit_params, horizon, n_folds)
    raw = read_sample(X, y)
    sample = raw if prepare is None else prepare_sample(prepare, raw)
    if sample.X is None and not isinstance(estimator, Forecaster):
        sample = replace(sample, X=_no_columns(sample))
    known = _known_columns(known_in_advance, sample.X)
    folds = list_folds(cv, sample, is_classifier(estimator))
    tried, left = _folds_to_fit(estimator, sample, folds)
    chosen = _spread(tried, n_folds)
    columns = Columns(sample)
    leaks = split_leaks(folds, sample, cv)
    reach, unclear = (None, []) if is_forecaster(estimator) else target_reach(columns)
    if prepare is not None:
        proven, reach, unclear = prepare_leaks(prepare, raw, sample, _spread(folds, n_folds))
        leaks += proven
    if horizon is not None:
        reach, unclear = Reach(horizon - 1, f"horizon={horizon}"), []
    leaks += overlap_leaks(folds, sample, reach)
    told = {leak.column for leak in leaks if leak.step == "prepare"}
    signs = [(fold, sign) for sign in find_signs(columns) for fold in folds]
    for fold in folds:
        known_then = early_rows(fold, sample)
        signs += [(fold, sign) for sign in scaled_over_all(columns, known_then)]
        signs += [(fold, sign) for sign in filled_from_all(columns, known_then)]
    for fold, sign in signs:
        if sign.column not in told:
            leaks.append(fold.leak("before the split", *sign))
    notes = left + unclear + _notes(estimator, sample, folds[-1], known)
    for fold in chosen:
        trial = _trial(estimator, fit_params, sample, fold)
        leaks = [_sized(leak, trial, reach) for leak in leaks]
        if prepare is not None and any(_is_prepared(leak, fold) for leak in leaks):
            size = prepared_change(prepare, raw, trial, ahead=reach is not None)
            leaks = [replace(k, size=size) if _is_prepared(k, fold) else k for k in leaks]
        found, more = _try(trial, columns, known, first=fold is chosen[0])
        leaks, notes = leaks + found, notes + more
    return make_report(leaks, notes, [fold.number for fold in chosen])


def _check(estimator: Any, cv: Any, fit_params: Any, horizon: int | None, n_folds: int) -> None:
    kind = type(estimator)  # of some, such as stacks, an instance has no predict before fit
    if isinstance(estimator, type) or not (hasattr(kind, "fit") and hasattr(kind, "predict")):
        raise TypeError(f"estimator is {estimator!r}: expected an estimator with fit and predict")
    if cv is None:
        raise ValueError(
            "cv=None: expected the splitter that you evaluate with, such as TimeSeriesSplit(5)"
        )
    if not (fit_params is None or callable(fit_params) or isinstance(fit_params, Mapping)):
        raise TypeError(
            f"fit_params={fit_params!r}: expected a dict of arguments of fit, or a callable "
            "(X, y, train, test) that returns one"
        )
    check_count("n_folds", n_folds)
    if horizon is not None:
        check_count("horizon", horizon)


def _known_columns(names: Sequence[Any] | None, X: Any) -> set[int] | None:
    """Return the places of the columns known in advance, None where nothing was said."""
    if names is None:
        return None
    if isinstance(names, str) or X is None or isinstance(X, AsOf):
        kind = "X is None" if X is None else f"X is a {type(X).__name__}"
        raise ValueError(f"known_in_advance={names!r}: expected a list of columns of X; {kind}")
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(X.shape[1]))
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise ValueError(f"known_in_advance has {unknown}: X has the columns {columns}")
    return {columns.index(name) for name in names}


def _folds_to_fit(
    estimator: Any, sample: Sample, folds: list[Fold]
) -> tuple[list[Fold], list[str]]:
    """Return the folds in which an estimator can be fitted, and a note on the others.

    A forecaster goes on where its training rows end: not if the test rows lie among them.
    """
    fit = [fold for fold in folds if not len(late_rows(fold, sample))]
    if len(fit) == len(folds) or not is_forecaster(estimator):
        return folds, []
    numbers = [fold.number for fold in folds if fold not in fit]
    return fit, [
        f"Not fitted in fold{'' if len(numbers) == 1 else 's'} {listed(numbers)}: a forecaster "
        "forecasts the rows that follow its training rows"
    ]


def _spread(folds: list[Fold], n: int) -> list[Fold]:
    """Choose up to n folds, evenly from the first to the last."""
    if not folds:
        return []
    return [folds[i] for i in np.unique(np.linspace(0, len(folds) - 1, n).astype(int))]


def _no_columns(sample: Sample) -> pd.DataFrame:
    """Return a frame of no columns, which a search can cut into folds where X is None."""
    rows = pd.RangeIndex(len(sample.stamps)) if sample.index is None else sample.index
    return pd.DataFrame(index=rows)


def _trial(estimator: Any, fit_params: Any, sample: Sample, fold: Fold) -> Trial:
    try:
        return start_trial(estimator, fit_params, sample, fold)
    except Exception as error:
        error.add_note(f"in fold {fold.number} of the audit (origin {fold.origin})")
        raise


def _sized(leak: Leak, trial: Trial, reach: Reach | None) -> Leak:
    """Measure what a leak of the split does to the forecasts, in the fold of a trial."""
    fold, sample = trial.fold, trial.sample
    if leak.fold != fold.number or leak.kind not in (LATE, OVERLAP):
        return leak
    if leak.kind == OVERLAP and reach is not None:
        rows = overlapping_rows(fold, sample, reach)
    else:
        rows = late_rows(fold, sample)
    return replace(leak, size=training_change(trial, rows))


def _is_prepared(leak: Leak, fold: Fold) -> bool:
    return leak.step == "prepare" and leak.fold == fold.number


def _try(
    trial: Trial, columns: Columns, known: set[int] | None, *, first: bool
) -> tuple[list[Leak], list[str]]:
    """Make the trials of one fold; those of states in the first fold only."""
    leaks, notes = parameter_leaks(trial), list[str]()
    X = trial.sample.X
    if isinstance(X, AsOf):
        leaks += vintage_leaks(trial)
    elif X is not None:
        leaks += [] if is_forecaster(trial.estimator) else look_ahead_leaks(trial)
        future, notes = covariate_leaks(trial, columns, known)
        leaks += future
    if first:
        leaks += step_leaks(trial, columns)
        kept, more = state_leaks(trial)  # last: a state that clones share spoils what follows
        leaks, notes = leaks + kept, notes + more
    return leaks, notes


def step_leaks(trial: Trial, columns: Columns) -> list[Leak]:
    """Find steps of a pipeline whose output looks scaled over all rows, though fitted on some."""
    model = chosen_by_search(trial.model)
    if not isinstance(model, Pipeline) or columns.scalings:
        return []
    output: Any = trial.sample.X
    for place, (name, step) in enumerate(model.steps[:-1]):
        with quiet():
            output = transformed(step, output)
        if issparse(output) or np.ndim(output) != 2 or len(output) != len(trial.sample.stamps):
            return []
        named = _with_names(output, model[: place + 1])
        made = Columns(replace(trial.sample, X=named, y=None))
        signs = scaled_over_all(made, known_rows(trial.fold, trial.sample))
        if signs:
            return [trial.leak(f"pipeline step {name!r}", *sign) for sign in signs]
    return []


def _with_names(output: Any, steps: Pipeline) -> Any:
    """Return the output of fitted steps with the names of its columns, where they tell them."""
    if isinstance(output, pd.DataFrame):
        return output
    try:
        names = steps.get_feature_names_out()
    except (AttributeError, ValueError):
        return output
    return pd.DataFrame(output, columns=names)


def covariate_leaks(
    trial: Trial, columns: Columns, known: set[int] | None
) -> tuple[list[Leak], list[str]]:
    """Find columns of X that move forecasts by values after the origin, and should not."""
    X = trial.sample.X
    if known is None and not is_forecaster(trial.estimator):
        return [], []
    names = list(X.columns) if isinstance(X, pd.DataFrame) else list(range(X.shape[1]))
    core = innermost(trial.estimator)
    free = {*(getattr(core, "past_only", None) or ()), *(getattr(core, "static", None) or ())}
    tried = [i for i, name in enumerate(names) if i not in (known or ()) and name not in free]
    leaks: list[Leak] = []
    taken: dict[str, list[Any]] = {PLANNED: [], LAGGED: []}
    for i, size in covariate_changes(trial, tried).items():
        why = "it is not in known_in_advance" if known is not None else _why_news(trial, columns, i)
        how = f"forecasts change with its values after the origin, and {why}"
        if why in taken:
            taken[why].append(names[i])
        elif why:
            leaks.append(trial.leak("predict", str(names[i]), "future covariate", how, size))
    return leaks, [
        f"Taken to be known in advance: {listed(known)} ({why})."
        for why, known in taken.items()
        if known
    ]


def _why_news(trial: Trial, columns: Columns, place: int) -> str:
    """Say why a column of X cannot be known at the origin, nothing if the past tells it."""
    column = columns.places.get(place)
    if column is None:
        return PLANNED
    steps = int(trial.sample.stamps[trial.fold.test].max()) - trial.fold.last
    chain = columns.chain_of(column)
    lag = chain.lags[column] - chain.lags[chain.newest]
    if not columns.open[column] or lag >= steps:
        return ""
    if not lag and (lag_in_name(columns.names[column]) or 0) >= steps:
        return LAGGED
    if lag:
        name = columns.names[chain.newest]
        ahead = f"while forecasts go {count_of_rows(steps)} ahead"
        return f"it is {name} {count_of_rows(lag)} before, {ahead}"
    return "it moves like a measurement" if looks_measured(columns.longest[:, column]) else PLANNED


def _notes(estimator: Any, sample: Sample, fold: Fold, known: set[int] | None) -> list[str]:
    """Say what is assumed, and what a search chooses by."""
    notes = []
    if sample.X is not None and known is None and not is_forecaster(estimator):
        notes.append(ROW_NOTE)
    search = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(search, BaseSearchCV):
        X, y = sample.rows(fold.train)
        if first_unchronological_fold(search.cv, X, y) is not None:
            notes.append(
                f"{type(search).__name__} chooses parameters by folds that are not in the order of "
                "time: no leak from the test rows, but a choice that suits the past less; give it "
                "cv=TimeSeriesSplit(5)"
            )
    return notes
