"""What feeds which forecast: the time stamps behind every sample of a recurrent forecaster.

A sample is an origin t together with the targets forecast from there. Three ranges of steps end at
t, each within the next: the window that is read at t itself; the steps that the state has read on
its way to t; and all steps through which the target counts, as levels, scales and seasons look
further back than the network. Nothing is trained to tell them: the choices that a fit makes from
the data (season, segment, window, span, pieces between long gaps) decide.

Conventions: T steps on the calendar grid of a series, L of a piece of it, m samples, S segment,
W window, H horizon, n steps to forecast.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from tsrnn.asked import Asked, next_steps, rows_asked
from tsrnn.asof import AsOf
from tsrnn.containers import common_index, index_of, read_target
from tsrnn.covariates import Covariates
from tsrnn.fitting import VALIDATION_PHASES
from tsrnn.forking import Anchor, Layout, pass_ending_at
from tsrnn.placing import Known
from tsrnn.preparation import Preparation, Series
from tsrnn.records import Record, Request
from tsrnn.scaling import SPREAD
from tsrnn.transforms import is_pointwise

FORGOTTEN = 1e-10  # weight in a smoothed season from which on a step no longer counts
# Only the rows of a call are asked about, not the covariates that come with them.
ROWS_ONLY = Covariates(None, np.zeros(0, dtype=bool), None)


class Reader(Protocol):
    """What is asked of a forecaster: how it reads records."""

    horizon: int
    _records: dict[Hashable, Record]
    _panel_names: Any
    _past_only: np.ndarray  # (F,) bool
    _preparation: Preparation

    @property
    def _known(self) -> Known:
        """What is known when a call comes."""

    def _prepared(self, X: Any, y: Any) -> Self:
        """Return a copy that has read the rows and made its choices, but learnt no weights."""

    def _held_out(self, lengths: np.ndarray, n_series: int) -> np.ndarray:
        """Return the steps at the end of each piece that judge."""

    def _origins_of_a_pass(self) -> int:
        """Return how many origins lie within the context."""

    def _given_context(self) -> int | None:
        """Return the rows of a context that the user fixed."""

    def _recent(self, request: Request) -> tuple[Series, int]:
        """Return the part of a record that counts, and how many of its steps are known."""


class Samples(NamedTuple):
    """Samples of one series, in steps of its calendar grid; (m,) each."""

    origin: np.ndarray
    window: np.ndarray  # first step read at the origin
    state: np.ndarray  # first step read on the way there
    reach: np.ndarray  # first step that counts in any way
    first: np.ndarray  # of the targets
    last: np.ndarray

    def shifted(self, steps: int) -> Samples:
        return Samples(*(values + steps for values in self))

    def where(self, kept: np.ndarray) -> Samples:
        return Samples(*(values[kept] for values in self))


class Grid(NamedTuple):
    """What there is at each step of one series, in the future too; (T + n,) each."""

    stamps: pd.Index
    observed: np.ndarray  # bool, whether any target has a value


def explain_forecasts(forecaster: Reader, X: Any, y: Any, cv: Any) -> pd.DataFrame:
    """Describe the samples of ``fit(X, y)``, of each fold, or of ``predict(X)`` without y."""
    if y is None:
        if cv is not None:
            raise ValueError(f"cv={cv!r}, but y is None: expected the target to split")
        check_is_fitted(forecaster)
        return _joined(_forecast_tables(forecaster, X, None, "forecast"))
    y = _with_index(X, y)
    if cv is None:
        return _joined(_training_tables(forecaster._prepared(X, y), X))
    if not hasattr(cv, "split"):
        raise ValueError(
            f"cv={cv!r}: expected a splitter, such as TimeSeriesSplit(5) or "
            "ExpandingWindowSplit(5, horizon=...)"
        )
    folds = []
    for number, (train, test) in enumerate(cv.split(y if X is None else X, y)):
        known, due = (None if X is None else _safe_indexing(X, rows) for rows in (train, test))
        prepared = forecaster._prepared(known, y.iloc[train])
        tables = _training_tables(prepared, known)
        tables += _forecast_tables(prepared, due, y.iloc[test], "test")
        fold = _joined(tables)
        fold.insert(0, "fold", number)
        folds.append(fold)
    return pd.concat(folds, ignore_index=True)


def steps_that_count(layout: Layout, anchor: Anchor, origins: int) -> int:
    """Count the observed steps up to an origin beyond which nothing changes the forecast there."""
    rate = 1.0 if anchor.rate is None else anchor.rate
    seasons = 2 if rate == 1 else int(np.ceil(np.log(FORGOTTEN) / np.log1p(-rate)))
    read = origins * layout.segment + layout.window
    level = (SPREAD + 1) * layout.span  # the scale is a mean distance from a mean
    return read + level + seasons * anchor.season + max(layout.seasons, default=0)


def _with_index(X: Any, y: Any) -> pd.DataFrame:
    """Put y on the index that X and y share, without one on row numbers."""
    values, index, _ = read_target(y, owner="explain_windows")
    index = common_index(X, index)
    return pd.DataFrame(values, index=pd.RangeIndex(len(values)) if index is None else index)


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of several series one after the other, those without a sample left out."""
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)


def _training_tables(forecaster: Reader, X: Any) -> list[pd.DataFrame]:
    """Describe what a fit learns from, then what it holds out to judge."""
    preparation, layout = forecaster._preparation, _layout(forecaster)
    records, origins = list(forecaster._records.values()), forecaster._origins_of_a_pass()
    series = [preparation.series(record) for record in records]
    pieces = [preparation.pieces(s) for s in series]
    lengths = np.array([len(piece) for parts in pieces for piece, _ in parts])
    latest = np.array([i + 1 == len(parts) for parts in pieces for i in range(len(parts))])
    held_out = np.where(latest, forecaster._held_out(lengths, len(series)), 0)
    longest = origins + -(-int(held_out.max()) // layout.segment)
    until = iter((lengths - held_out).tolist())
    learnt: list[pd.DataFrame] = []
    judged: list[pd.DataFrame] = []
    for record, whole, parts in zip(records, series, pieces, strict=True):
        grid = Grid(record.index(preparation.calendar), _seen(whole.y))
        for piece, start in parts:
            end = next(until)
            for role, tables, samples in (
                ("train", learnt, _learnt_from(forecaster, piece, end, origins)),
                ("held out", judged, _judged(forecaster, piece, end, longest)),
            ):
                samples = samples.shifted(start)
                samples = samples.where(_count(grid.observed, samples.first, samples.last) > 0)
                tables.append(_table(forecaster, record, grid, samples, role, X))
    return learnt + judged


def _learnt_from(forecaster: Reader, piece: Series, until: int, origins: int) -> Samples:
    """List the origins from which an epoch may draw, with their targets before ``until``."""
    layout = _layout(forecaster)
    t = np.arange(max(0, min(layout.segment, until - 1) - 1), until - 1)
    last = np.minimum(t + layout.horizon, until - 1)
    state = _first_of_pass(t, layout.segment, origins)
    return _samples(forecaster, piece, t, state, origins, t + 1, last)


def _judged(forecaster: Reader, piece: Series, until: int, origins: int) -> Samples:
    """List the origins whose targets from ``until`` on judge; see ``Fitting.held_out``."""
    layout, length = _layout(forecaster), len(piece)
    backs = range(0, layout.segment, -(-layout.segment // VALIDATION_PHASES))
    ends = [length - 2 - back for back in backs if length - 1 > back]
    passes = [pass_ending_at(end, layout.segment, origins) for end in ends]
    none = np.zeros(0, dtype=np.int64)
    t = np.concatenate([none, *passes])
    state = np.concatenate([none, *(np.full(len(p), p[0]) for p in passes)])
    kept = np.flatnonzero((t + layout.horizon >= until) & (until < length))
    kept = kept[np.argsort(t[kept])]
    t, state = t[kept], state[kept]
    last = np.minimum(t + layout.horizon, length - 1)
    return _samples(forecaster, piece, t, state, origins, np.maximum(t + 1, until), last)


def _samples(
    forecaster: Reader,
    piece: Series,
    t: np.ndarray,
    state: np.ndarray,
    origins: int,
    first: np.ndarray,
    last: np.ndarray,
) -> Samples:
    """Add to origins t (m,) of a piece, and to the first origins of their passes, what they read.

    The state of every pass starts anew, but levels and seasons come from the whole piece.
    """
    layout, anchor = _layout(forecaster), forecaster._preparation.known[piece.key].anchor
    observed = _seen(piece.y)
    rows = steps_that_count(layout, anchor, min(origins, len(piece)))
    seen, count = np.flatnonzero(observed), np.cumsum(observed)[t]
    reach = np.zeros_like(t)
    far = count > rows
    reach[far] = seen[count[far] - rows]
    return Samples(
        t,
        np.maximum(0, t - layout.window + 1),
        np.maximum(0, state - layout.window + 1),
        reach,
        first,
        last,
    )


def _forecast_tables(forecaster: Reader, X: Any, y: Any, role: str) -> list[pd.DataFrame]:
    """Describe the forecasts of the rows of X, or of y, or of the next steps."""
    asked = _asked(forecaster, X if y is None else y)
    values = None if y is None else _seen(y.to_numpy())
    tables = [
        _inside(forecaster, record, steps, None if values is None else values[places], X)
        for record, places, steps in asked.inside
    ]
    for request, places, steps in asked.after:
        observed = np.zeros(request.n, dtype=bool)
        if values is not None:
            observed[steps] = values[places]
        tables.append(_after(forecaster, request, int(steps[0]), observed, role, X))
    return tables


def _asked(forecaster: Reader, rows: Any) -> Asked:
    """Say which rows ``predict(rows)`` means, whatever their values."""
    if rows is None:
        return next_steps(forecaster._known, int(forecaster.horizon))
    if not len(rows):
        raise ValueError("X has 0 rows: expected at least one row to explain")
    index = rows.index if isinstance(rows, AsOf) else index_of(rows)
    return rows_asked(forecaster._known, index, len(rows), ROWS_ONLY)


def _after(
    forecaster: Reader, request: Request, start: int, observed: np.ndarray, role: str, X: Any
) -> pd.DataFrame:
    """Describe the forecast of the steps after a record, of which those from ``start`` are wanted.

    Nothing before the series returned by ``_recent`` is looked at.
    """
    record, layout, calendar = request.record, _layout(forecaster), forecaster._preparation.calendar
    series, end = forecaster._recent(request)
    begin, t = end - len(series), np.array([end - 1])
    pass_ = _first_of_pass(t - begin, layout.segment, forecaster._origins_of_a_pass())
    samples = Samples(
        t,
        np.maximum(begin, t - layout.window + 1),
        np.maximum(begin, begin + pass_ - layout.window + 1),
        np.array([begin]),
        np.array([len(record) + start]),
        np.array([len(record) + request.n - 1]),
    )
    known = _seen(forecaster._preparation.series(record).y)
    grid = Grid(record.index(calendar).append(request.index), np.concatenate([known, observed]))
    return _table(forecaster, record, grid, samples, role, X, issued_by=record.last)


def _inside(
    forecaster: Reader,
    record: Record,
    steps: np.ndarray,
    observed: np.ndarray | None,
    X: Any,
) -> pd.DataFrame:
    """Describe one-step forecasts of a record's own steps.

    The first step of a piece has nothing before it and is left out, as are those between pieces.
    """
    preparation, layout = forecaster._preparation, _layout(forecaster)
    whole = preparation.series(record)
    grid = Grid(record.index(preparation.calendar), _seen(whole.y))
    if observed is not None:
        grid.observed[steps] = observed
    origins, context = forecaster._origins_of_a_pass(), forecaster._given_context()
    role = "in sample" if observed is None else "test"
    tables = []
    for piece, start in preparation.pieces(whole):
        t = steps[(steps > start) & (steps < start + len(piece))] - 1 - start
        begin = np.zeros_like(t)
        if context is not None and context < len(piece):
            seen = np.where(_seen(piece.y), np.arange(len(piece)), 0)
            begin = np.maximum(0, np.minimum(t + 1 - context, np.maximum.accumulate(seen)[t]))
        pass_ = begin + _first_of_pass(t - begin, layout.segment, origins)
        samples = _samples(forecaster, piece, t, pass_, origins, t + 1, t + 1)
        window, state, reach = (np.maximum(begin, s) for s in samples[1:4])
        samples = samples._replace(window=window, state=state, reach=reach)
        tables.append(_table(forecaster, record, grid, samples.shifted(start), role, X))
    return _joined(tables)


def _table(
    forecaster: Reader,
    record: Record,
    grid: Grid,
    samples: Samples,
    role: str,
    X: Any,
    issued_by: pd.Index | None = None,
) -> pd.DataFrame:
    """Write samples of one series as stamps; ``issued_by`` is the origin unless given."""
    stamps, (origin, _, state, reach, first, last) = grid.stamps, samples
    transform = forecaster._preparation.transforms.get(record.key)
    lags = reach if is_pointwise(transform) else np.zeros_like(reach)
    past_only = forecaster._past_only
    known = not past_only.all()  # the linear effect of these is taken off every step that counts
    none = pd.Series(np.nan, index=range(len(origin)), dtype=_with_missing(stamps))
    columns: dict[Any, Any] = {"role": role}
    if forecaster._panel_names is not None:
        columns["series"] = [record.key] * len(origin)
    columns |= {
        "origin": stamps[origin],
        "target_first": stamps[first],
        "target_last": stamps[last],
        "window_first": stamps[samples.window],
        "state_first": stamps[state],
        "target_lags_first": stamps[lags],
        "target_lags_last": stamps[origin],
        "past_covariates_first": stamps[reach if known else state] if len(past_only) else none,
        "past_covariates_last": stamps[origin] if len(past_only) else none,
        "future_covariates_first": stamps[origin + 1] if known else none,
        "future_covariates_last": stamps[last] if known else none,
        "missing_lags": origin - lags + 1 - _count(grid.observed, lags, origin),
        "missing_targets": last - first + 1 - _count(grid.observed, first, last),
    }
    if isinstance(X, AsOf):
        asked_at = stamps[origin] if issued_by is None else issued_by.repeat(len(origin))
        columns["issued_last"] = _newest_issue(X, record, stamps, origin, last, asked_at)
    return pd.DataFrame(columns, index=range(len(origin)))


def _newest_issue(
    X: AsOf, record: Record, stamps: pd.Index, origin: np.ndarray, last: np.ndarray, by: pd.Index
) -> pd.Series:
    """Return when the newest vintage about the steps after each origin was issued."""
    steps = range(1, int((last - origin).max(initial=0)) + 1)
    issued = [X.issue_times(stamps[np.minimum(origin + h, last)], by, record.key) for h in steps]
    return pd.concat([pd.Series(times) for times in issued], axis=1).max(axis=1)


def _layout(forecaster: Reader) -> Layout:
    return forecaster._preparation.layout


def _seen(y: np.ndarray) -> np.ndarray:
    """Tell at which steps of y (T, K) any target has a value."""
    return np.isfinite(y).any(axis=1)


def _first_of_pass(t: np.ndarray, segment: int, most: int) -> np.ndarray:
    """Return the first origin of the longest pass that visits each t; see ``pass_ending_at``."""
    return t - segment * (np.minimum(most, 1 + np.maximum(0, t - segment + 1) // segment) - 1)


def _count(flags: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Count the flags from steps ``first`` to ``last``, both counted."""
    total = np.concatenate([[0], np.cumsum(flags)])
    return total[last + 1] - total[first]


def _with_missing(stamps: pd.Index) -> Any:
    """Return the dtype of a column of stamps all of which are missing."""
    return "float64" if stamps.dtype.kind in "iuf" else stamps.dtype
