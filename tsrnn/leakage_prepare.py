"""Trials of a preparation: other raw rows after a cut must leave the prepared rows before it.

This proves what the signs in finished data can only suggest. Conventions: a cut is a stamp; a
prepared row may use the rows of X up to its own time, and those of y before it, or up to it where
the prepared target itself lies ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsrnn.containers import is_positional
from tsrnn.leakage_report import Leak, listed
from tsrnn.leakage_sample import FUTURES, Sample, changed_values, read_sample, table
from tsrnn.leakage_signs import Reach
from tsrnn.leakage_splits import Fold
from tsrnn.leakage_trials import SEED, Trial

MOST_CUTS = 6  # in a fold: each costs four runs of the preparation
MOST_SOURCES = 30  # raw columns that are changed one by one
MOST_LEAKS = 5  # columns with a row of their own in the report; more share one
RANDOM = "prepare is random: seed it; the same rows gave others again, so it was not tried"

Prepare = Callable[[Any, Any], tuple[Any, Any]]


@dataclass
class Findings:
    """What changed, in one fold."""

    rows: dict[str, int] = field(default_factory=dict)  # column -> most rows that changed
    at_own_row: set[str] = field(default_factory=set)  # columns that move with y of their row
    ahead: int = 0  # rows by which the target of a row lies ahead


def prepare_sample(prepare: Prepare, raw: Sample) -> Sample:
    """Run the preparation; its rows get the times of the raw ones with the same label."""
    result = prepare(raw.X, raw.y)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"prepare returned a {type(result).__name__}: expected the tuple (X, y)")
    sample = read_sample(*result)
    n = len(raw.stamps)
    renumbered = is_positional(sample.index) and len(sample.stamps) != n
    if (
        raw.index is not None
        and sample.index is not None
        and raw.index.is_unique
        and not renumbered
    ):
        places = raw.index.get_indexer(sample.index)
        if (places >= 0).all():
            return replace(sample, stamps=raw.stamps[places], times=raw.times[places])
    if len(sample.stamps) != n:
        raise ValueError(
            f"prepare returned {len(sample.stamps)} rows of {n}, with no index that tells which: "
            "pass and return pandas objects, or keep all rows"
        )
    return replace(sample, stamps=raw.stamps, times=raw.times)


def prepare_leaks(
    prepare: Prepare, raw: Sample, sample: Sample, folds: list[Fold]
) -> tuple[list[Leak], Reach | None, list[str]]:
    """Change raw rows after the origins and prepare again; tell how far targets reach, too."""
    if _draws(prepare, raw, sample):
        return [], None, [RANDOM]
    found = {fold.number: _try_cuts(prepare, raw, sample, fold) for fold in folds}
    ahead = max((findings.ahead for findings in found.values()), default=0)
    leaks: list[Leak] = []
    for fold in folds:
        findings = found[fold.number]
        for column, rows in _in_short(findings.rows).items():
            how = f"rows up to the origin ({rows} of them) change when rows after it change"
            leaks.append(fold.leak("prepare", column, "changes with later rows", how))
        own = findings.at_own_row if not ahead else set()
        own = own or (_targets_from_X(prepare, raw, sample, fold) if not ahead else set())
        for column in sorted(own - set(findings.rows)):
            how = "it changes with the target of its own row"
            leaks.append(fold.leak("prepare", column, "target in X", how))
    if not ahead:
        return leaks, None, []
    how = f"the prepared y of a row is made of raw rows up to {ahead} rows later"
    at_own_row = any(findings.at_own_row for findings in found.values())
    before = not at_own_row and _target_includes_own_row(prepare, raw, sample, folds[0])
    return leaks, Reach(ahead if before else ahead - 1, how), []


def prepared_change(prepare: Prepare, raw: Sample, trial: Trial, ahead: bool) -> float:
    """Return how far the first forecast of a fold moves with raw rows that it must not know."""
    fold, sizes = trial.fold, []
    y_rows = raw.stamps > fold.first if ahead else raw.stamps >= fold.first
    first = trial.sample.stamps[fold.test] == fold.first
    for future in FUTURES:
        other = raw.with_future(raw.stamps > fold.first, y_rows, future, SEED)
        sample = prepare_sample(prepare, other)
        if np.array_equal(sample.stamps, trial.sample.stamps):
            sizes.append(trial.change(trial.forecast_with(sample), first))
    return max(sizes, default=float("nan"))


def _draws(prepare: Prepare, raw: Sample, sample: Sample) -> bool:
    """Tell whether a preparation makes something else of the same rows when run again."""
    again = prepare_sample(prepare, raw)
    if not np.array_equal(again.stamps, sample.stamps):
        return True
    _, X, y, _ = _changes(sample, again)
    return bool(X.any() or y.any())


def _try_cuts(prepare: Prepare, raw: Sample, sample: Sample, fold: Fold) -> Findings:
    findings, nowhere = Findings(), np.zeros(len(raw.stamps), dtype=bool)
    for cut in _cuts(raw, sample, fold):
        for future in FUTURES:
            after_X = raw.with_future(raw.stamps > cut, nowhere, future, SEED)
            _compare(findings, sample, prepare_sample(prepare, after_X), cut + 1)
            if raw.y is not None:
                after_y = raw.with_future(nowhere, raw.stamps >= cut, future, SEED)
                changed = _compare(findings, sample, prepare_sample(prepare, after_y), cut)
                findings.at_own_row |= changed
    return findings


def _compare(findings: Findings, sample: Sample, other: Sample, start: int) -> set[str]:
    """Note what changed before ``start``, the first stamp whose raw rows are others.

    Returns the columns of X that changed in the rows of that stamp itself.
    """
    names, X, y, stamps = _changes(sample, other)
    kept = [set(part.stamps[part.stamps < start].tolist()) for part in (sample, other)]
    if kept[0] != kept[1]:
        findings.rows["which rows are kept"] = len(kept[0] ^ kept[1])
    before = stamps < start
    for column in np.flatnonzero(X[before].any(axis=0)):
        name = str(names[column])
        findings.rows[name] = max(findings.rows.get(name, 0), int(X[before, column].sum()))
    moved = y.any(axis=1) & before
    if 2 * moved.sum() > before.sum():  # not the last few, whose target lies ahead, but all
        findings.rows["y"] = max(findings.rows.get("y", 0), int(moved.sum()))
    elif moved.any():
        findings.ahead = max(findings.ahead, start - int(stamps[moved].min()))
    return {str(names[i]) for i in np.flatnonzero(X[stamps == start].any(axis=0))}


def _changes(sample: Sample, other: Sample) -> tuple[list[Any], NDArray, NDArray, NDArray]:
    """Return the names of X, which values of X and y changed, and the stamps of the rows."""
    rows = others = np.arange(len(sample.stamps))
    moved = not np.array_equal(sample.stamps, other.stamps)  # rows are kept by their values
    if moved and sample.index is not None and other.index is not None:
        places = other.index.get_indexer(sample.index)
        rows, others = np.flatnonzero(places >= 0), places[places >= 0]
    names, X = _named_values(sample)
    changed_X = changed_values(X[rows], _columns(names, other)[others])
    changed_y = changed_values(table(sample.y)[1][rows], table(other.y)[1][others])
    return names, changed_X, changed_y, sample.stamps[rows]


def _named_values(sample: Sample) -> tuple[list[Any], NDArray[np.float64]]:
    return ([], np.empty((len(sample.stamps), 0))) if sample.X is None else table(sample.X)


def _columns(names: list[Any], other: Sample) -> NDArray[np.float64]:
    """Return columns by name, NaN for one that was not chosen this time."""
    found, values = _named_values(other)
    if found == names:
        return values
    places = {name: i for i, name in enumerate(found)}
    empty = np.full(len(values), np.nan)
    columns = [values[:, places[name]] if name in places else empty for name in names]
    return np.column_stack(columns)


def _in_short(rows: dict[str, int]) -> dict[str, int]:
    """Join the columns of a fold where they are many."""
    if len(rows) <= MOST_LEAKS:
        return rows
    return {listed(list(rows)): max(rows.values())}


def _target_includes_own_row(prepare: Prepare, raw: Sample, sample: Sample, fold: Fold) -> bool:
    """Tell whether the target of a row holds the raw y of that row, so is forecast before it."""
    own, nowhere = raw.stamps == fold.first, np.zeros(len(raw.stamps), dtype=bool)
    other = prepare_sample(prepare, raw.with_future(nowhere, own, FUTURES[0], SEED))
    _, _, y, stamps = _changes(sample, other)
    return bool(y[stamps == fold.first].any())


def _cuts(raw: Sample, sample: Sample, fold: Fold) -> list[int]:
    """Choose stamps among the test rows: the first, some with missing values, others by chance."""
    stamps = np.unique(sample.stamps[fold.test])
    rng = np.random.default_rng(SEED)
    gaps = raw.stamps[np.isnan(table(raw.X)[1]).any(axis=1)] if raw.X is not None else stamps[:0]
    filled = rng.permutation(stamps[np.isin(stamps, gaps)])[: MOST_CUTS // 2]
    chosen = [stamps[0], *filled, *rng.permutation(stamps)]
    return [int(cut) for cut in dict.fromkeys(chosen)][:MOST_CUTS]


def _targets_from_X(prepare: Prepare, raw: Sample, sample: Sample, fold: Fold) -> set[str]:
    """Find columns that move with the raw column of X of which y is made, in their own row."""
    found: set[str] = set()
    width = 0 if raw.X is None else int(np.prod(raw.X.shape[1:]))
    for column in range(min(width, MOST_SOURCES)):
        later = raw.stamps >= fold.first
        other = prepare_sample(prepare, raw.with_columns([column], later, FUTURES[0], SEED))
        names, X, y, stamps = _changes(sample, other)
        own = stamps == fold.first
        if y[own].any():
            found |= {str(names[i]) for i in np.flatnonzero(X[own].any(axis=0))}
    return found
