"""Signs of leaks in finished data: values that only the future can have made.

Each sign is an identity that no honest column keeps by chance: a mean of 0 and a deviation of 1
over exactly all rows, a copy of the target, a moving average that needs later rows.

Conventions: n rows in the order of time, C columns (targets first). A column has the lag k behind
another if it shows at row t what the other shows at row t - k.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.leakage_filters import (
    EXACT,
    Filter,
    find_filters,
    is_plannable,
    nearly_ahead,
    shown_later,
)
from tsrnn.leakage_report import listed
from tsrnn.leakage_sample import Sample, numeric_places, table
from tsrnn.leakage_scaling import (
    DISTINCT,
    LEAST_ROWS,
    Filling,
    filling_of,
    fills,
    scaling_of,
    shows,
)

LONGEST_LAG = 400  # rows between copies of a column
MOST_SOURCES, MOST_TARGETS = 60, 5  # columns of which moving averages are looked for
LAG_IN_NAME = re.compile(
    r"(?:lag|shift|prev|last|before|past|hist|ago|yesterday|(?<![a-z])(?:t-|t_minus|l(?=\d)))"
    r"\D*(\d+)?",
    re.IGNORECASE,
)
DAYS_IN_NAME = re.compile(r"(?<![a-z])[dw]-?\d|\d[dw](?![a-z])|day|week|month", re.IGNORECASE)


class Sign(NamedTuple):
    """Something in the data that gives a leak away."""

    column: str
    kind: str
    how: str


class Reach(NamedTuple):
    """How many rows after its own the target of a row becomes known, less one."""

    rows: int
    how: str
    sure: bool = True  # not if taken from a column, which may be a lag


class Way(NamedTuple):
    """By how many rows the target is later than a column that it copies or is made of."""

    rows: int
    unclear: bool  # the column may as well be a lag, the target one of its own row
    how: str


@dataclass(frozen=True)
class Chain:
    """Columns that are copies of one another, some rows earlier or later."""

    lags: dict[int, int]  # column -> lag behind the first of them

    @property
    def newest(self) -> int:
        """The column that shows values first."""
        return min(self.lags, key=self.lags.__getitem__)

    def whole(self, values: NDArray) -> NDArray:
        """Join what the copies of one series (n, C) hold of rows before the first and after it."""
        first = next(iter(self.lags))
        oldest = max(self.lags, key=self.lags.__getitem__)
        before, after = max(0, self.lags[oldest]), max(0, -self.lags[self.newest])
        parts = values[:before, oldest], values[:, first], values[len(values) - after :]
        return np.concatenate([*parts[:2], parts[2][:, self.newest]])


class Scaling(NamedTuple):
    """What the values of a chain show over all rows."""

    chain: Chain
    name: str
    each: bool  # in each series of a panel, not in all of them together


class Columns:
    """The columns of X and y of a sample, and which of them copy each other."""

    def __init__(self, sample: Sample) -> None:
        targets, y = table(sample.y)
        names, X = table(sample.X)
        parts = [part for part in (y, X) if part.size]
        targets = targets if isinstance(sample.y, pd.DataFrame) else list(range(y.shape[1]))
        self.names = ["y"] if len(targets) == 1 else [f"y[{name}]" for name in targets]
        self.names += map(str, names)
        values = np.hstack(parts) if parts else np.empty((len(sample.stamps), 0))
        self.values = values
        self.n_targets = y.shape[1]
        self.named_by_user = isinstance(sample.X, pd.DataFrame)
        self.places = {p: i + self.n_targets for i, p in enumerate(numeric_places(sample.X))}
        self.rows = sample.series()
        self.series = [values[rows] for rows in self.rows]
        self.longest = max(self.series, key=len)
        times = sample.times[max(self.rows, key=len)]
        self.open = np.array([not is_plannable(c, times) for c in self.longest.T], dtype=bool)
        self.chains = self._find_chains()

    def chain_of(self, column: int) -> Chain:
        """Return the chain that a column belongs to, of itself alone at least."""
        return next((c for c in self.chains if column in c.lags), Chain({column: 0}))

    def named(self, columns: Sequence[int]) -> str:
        """Name columns, few of many."""
        return listed([self.names[i] for i in sorted(columns)])

    @cached_property
    def targets(self) -> list[int]:
        """The targets that are no later steps of another one."""
        return [
            i
            for i in range(self.n_targets)
            if self.open[i] and i == min(j for j in self.chain_of(i).lags)
        ]

    @cached_property
    def covariates(self) -> list[int]:
        """The newest of each chain of X that does not follow the targets."""
        taken = {i for target in self.targets for i in self.chain_of(target).lags}
        newest = [chain.newest for chain in self.chains if chain.newest >= self.n_targets]
        return [i for i in newest if i not in taken]

    @cached_property
    def filters(self) -> dict[int, dict[int, Filter]]:
        """By source, the columns that are made of rows of it."""
        columns = [*self.targets[:MOST_TARGETS], *self.covariates]
        found: dict[int, dict[int, Filter]] = {}
        for source in columns[:MOST_SOURCES]:
            others = [i for i in columns if i != source]
            made = find_filters(self.longest, source, others)
            found[source] = {i: f for newest in made for i, f in self._later(newest, made[newest])}
        return found

    @cached_property
    def scalings(self) -> list[Scaling]:
        """The chains whose moments or extremes are those of a scaler fitted to all rows."""
        found = []
        for chain in self.chains:
            wholes = [chain.whole(values) for values in self.series]
            names = {scaling_of(whole) for whole in wholes}
            each = names.pop() if len(names) == 1 else None
            name = each or (scaling_of(np.concatenate(wholes)) if len(wholes) > 1 else None)
            if name is not None:
                found.append(Scaling(chain, name, each is not None))
        return found

    @cached_property
    def fillings(self) -> dict[int, Filling]:
        """By column, the statistic of all rows that its gaps hold."""
        fillings = {int(i): filling_of(self.values[:, i]) for i in np.flatnonzero(self.open)}
        return {i: filling for i, filling in fillings.items() if filling is not None}

    def shows_in(self, rows: NDArray[np.intp], scaling: Scaling) -> bool:
        """Tell whether some rows alone show a scaling: the scaler may have been fitted on them."""
        parts = [
            scaling.chain.whole(values[np.isin(own, rows)])
            for values, own in zip(self.series, self.rows, strict=True)
        ]
        parts = [part for part in parts if len(part)] if scaling.each else [np.concatenate(parts)]
        return all(shows(part, scaling.name) for part in parts)

    def _later(self, newest: int, shape: Filter) -> list[tuple[int, Filter]]:
        """Return the filters of a column and of those that show it some rows later."""
        lags = self.chain_of(newest).lags
        return [(i, shape.shifted(lags[newest] - lag)) for i, lag in lags.items()]

    def _find_chains(self) -> list[Chain]:
        left = [i for i in range(len(self.names)) if self.open[i]]
        chains = []
        while left:
            chain = Chain({left[0]: 0, **_copies(self.longest, left[0], left[1:])})
            chains.append(chain)
            left = [i for i in left if i not in chain.lags]
        return chains


def find_signs(columns: Columns) -> list[Sign]:
    """Look for all signs, the target's first."""
    found = [*_copied_targets(columns), *_filtered_targets(columns)]
    for look in (_monotone, _near_targets, _later_targets, _centred_windows):
        told = {sign.column for sign in found}
        found += [sign for sign in look(columns) if sign.column not in told]
    return found


def target_reach(columns: Columns) -> tuple[Reach | None, list[str]]:
    """Tell how far the target of a row reaches beyond what the next row knows, or that it may.

    A column is taken to hold what is known at its row's own time, unless its name says otherwise
    ("close_lag7").
    """
    if not columns.n_targets or not columns.open[0]:
        return None, []
    chain = columns.chain_of(0)
    shared = -min(lag for i, lag in chain.lags.items() if i < columns.n_targets)
    way = min(_ways_ahead(columns, chain), default=Way(1, False, ""))
    notes = [_unclear(way)] if way.unclear else []
    late = 0 if way.unclear else way.rows - 1
    if shared:
        how = f"y holds {shared + 1} steps, all but one of them also in the next row's"
        return Reach(shared + late, how), notes
    return Reach(late, way.how, sure=False) if late else None, notes


def scaled_over_all(columns: Columns, fitted: Sequence[NDArray[np.intp]]) -> list[Sign]:
    """Find columns that a scaler made which was fitted on more than a fold may know.

    ``fitted`` are sets of rows on which an honest scaler may have been fitted.
    """
    found = []
    for scaling in columns.scalings:
        if not any(columns.shows_in(rows, scaling) for rows in fitted):
            n = sum(len(scaling.chain.whole(values)) for values in columns.series)
            how = f"over all {n} rows it is {scaling.name}"
            how += " in each series" if scaling.each and len(columns.series) > 1 else ""
            how += ", as after a scaler fitted before the split"
            names = columns.named(list(scaling.chain.lags))
            found.append(Sign(names, "scaled over all rows", how))
    return found


def _copies(values: NDArray, first: int, others: list[int]) -> dict[int, int]:
    """Return the lag behind a column of each other column that copies it."""
    n, column = len(values), values[:, first]
    distinct, counts = np.unique(column, return_counts=True)
    once = np.flatnonzero(np.isin(column, distinct[counts == 1]))
    if not others or not len(once) or not _can_be_recognised(column):
        return {}
    probe = int(once[np.argmin(np.abs(once - n // 2))])
    start = max(0, probe - LONGEST_LAG)
    same = values[start : probe + LONGEST_LAG + 1, others] == column[probe]
    lags: dict[int, int] = {}
    for row, place in np.argwhere(same):
        lag = start + int(row) - probe
        if others[place] not in lags and _is_copy(column, values[:, others[place]], lag):
            lags[others[place]] = lag
    return lags


def _can_be_recognised(column: NDArray) -> bool:
    """Tell whether a column has enough different values for its copies to be no chance."""
    distinct = len(np.unique(column[np.isfinite(column)]))
    return distinct >= max(LEAST_ROWS, DISTINCT * len(column))


def _is_copy(column: NDArray, other: NDArray, lag: int) -> bool:
    """Tell whether ``other[t] == column[t - lag]`` at every row that has both."""
    early, late = (column, other) if lag >= 0 else (other, column)
    a, b = early[: len(early) - abs(lag)], late[abs(lag) :]
    both = np.isfinite(a) & np.isfinite(b)
    return bool(2 * both.sum() >= len(column) and (a == b)[both].all())


def filled_from_all(columns: Columns, taken: Sequence[NDArray[np.intp]]) -> list[Sign]:
    """Find columns whose gaps hold a mean or median of more rows than a fold may know.

    ``taken`` are sets of rows that an honest statistic may have been taken over.
    """
    found = []
    for i, filling in columns.fillings.items():
        if not any(fills(columns.values[rows, i], filling) for rows in taken):
            how = f"{filling.times} of its values are the {filling.statistic} of all others"
            found.append(Sign(columns.names[i], "filled from all rows", f"{how}, later rows too"))
    return found


def _copied_targets(columns: Columns) -> list[Sign]:
    """Find copies of the target at its own row or before."""
    return [
        _is_target(columns.names[i], -lag, "equals y")
        for target in columns.targets
        for i, lag in columns.chain_of(target).lags.items()
        if i >= columns.n_targets and lag <= 0
    ]


def _filtered_targets(columns: Columns) -> list[Sign]:
    """Find columns made of the target at its own row or later, or of which it is made there."""
    found = []
    for target in columns.targets[:MOST_TARGETS]:
        for i, (first, last, of) in columns.filters[target].items():
            if i < columns.n_targets or last < 0:
                continue
            if first == last or last == 0:
                how = "is a linear function of" if first == last else "is made of"
                found.append(_is_target(columns.names[i], last, f"{how} {of}y"))
            else:
                how = f"it is a moving average of {of}y from {_row(first)} to {_row(last)}"
                found.append(Sign(columns.names[i], "window over later rows", how))
    told = {sign.column for sign in found}
    for source in columns.covariates[:MOST_SOURCES]:
        made = [columns.filters.get(source, {}).get(target) for target in columns.targets]
        if columns.names[source] not in told and any(f and f.last == 0 for f in made):
            first = min(f.first for f in made if f)
            how = f"y is made of it, {f'from {_row(first)} to' if first else 'of'} its own row"
            found.append(Sign(columns.names[source], "target in X", how))
    return found


def _monotone(columns: Columns) -> list[Sign]:
    """Find columns that rise exactly where the target does, such as its logarithm."""
    if not columns.targets:
        return []
    y = columns.longest[:, columns.targets[0]]
    steps = np.sign(np.diff(y))
    if -1 not in steps or 1 not in steps or len(np.unique(y)) < max(LEAST_ROWS, 0.9 * len(y)):
        return []  # all that rises would rise with it
    order = np.argsort(y, kind="stable")
    found = []
    for i in columns.covariates:
        by_y = np.diff(columns.longest[order, i])
        if np.all(by_y > 0) or np.all(by_y < 0):
            straight = np.corrcoef(y, columns.longest[:, i])[0, 1] ** 2 > 1 - EXACT
            how = "is a monotone function of y"
            found += [] if straight else [_is_target(columns.names[i], 0, how)]
    return found


def _near_targets(columns: Columns) -> list[Sign]:
    """Find columns whose changes show those of the target but for a thousandth."""
    found = []
    for target in columns.targets[:MOST_TARGETS]:
        for i in columns.covariates:
            later = nearly_ahead(columns.longest, target, i)
            if later is not None:
                found.append(
                    _is_target(columns.names[i], later, "nearly is a linear function of y")
                )
    return found


def _later_targets(columns: Columns) -> list[Sign]:
    """Find columns whose values are those of the target some rows later, now these, now those."""
    found = []
    for target in columns.targets[:MOST_TARGETS]:
        y = columns.longest[:, target]
        if not _can_be_recognised(y) or (y == np.round(y)).all():  # whole numbers meet by chance
            continue
        for i in columns.covariates:
            later = shown_later(y, columns.longest[:, i])
            if later:
                how = f"{later} of its values are those of y in later rows"
                found.append(Sign(columns.names[i], "window over later rows", how))
    return found


def _centred_windows(columns: Columns) -> list[Sign]:
    """Find centred moving averages of another column, unless its past explains them too."""
    ways: dict[int, list[tuple[Filter, int]]] = {}
    for source, made in columns.filters.items():
        if _can_be_recognised(columns.longest[:, source]):  # else a lag of it may stand for it
            for i, shape in made.items():
                ways.setdefault(i, []).append((shape, source))
    found = []
    for i, several in ways.items():
        shape, source = min(several, key=lambda way: way[0].last)
        wide, centre = shape.last - shape.first, shape.last + shape.first
        if min(i, source) >= columns.n_targets and shape.last > 0 and wide > 1 and abs(centre) < 2:
            where = f"from {_row(shape.first)} to {_row(shape.last)}"
            how = f"it is a centred moving average of {shape.of}{columns.names[source]} {where}"
            found.append(Sign(columns.names[i], "window over later rows", how))
    return found


def _ways_ahead(columns: Columns, chain: Chain) -> list[Way]:
    """List how the target is later than columns, the most surely if several are as much."""
    ways = []
    windows = {lag for lag in chain.lags.values() if {lag + 1, lag + 2} <= {*chain.lags.values()}}
    for i, lag in chain.lags.items():
        if i >= columns.n_targets and lag >= 1:
            name = columns.names[i]
            late = _unnamed_lag(name, lag)
            may = _may_be_lag(name, lag) if columns.named_by_user else lag not in windows
            unclear = late > 1 and may
            ways.append(Way(late, unclear, f"y is the value of {name} {_row(lag)}"))
    for source in columns.covariates[:MOST_SOURCES]:
        shape = columns.filters.get(source, {}).get(0)
        if shape is not None and shape.last >= 1:
            name = columns.names[source]
            how = f"y is made of {shape.of}{name} of rows until {_row(shape.last)}"
            ways.append(Way(_unnamed_lag(name, shape.last), False, how))
    return ways


def _is_target(name: str, later: int, how: str) -> Sign:
    kind = "later target in X" if later else "target in X"
    return Sign(name, kind, f"it {how} of {_row(later)}")


def _row(k: int) -> str:
    if k == 0:
        return "its own row"
    return f"{abs(k)} row{'s' if abs(k) > 1 else ''} {'later' if k > 0 else 'before'}"


def _unclear(way: Way) -> str:
    return (
        f"{way.how}, which was taken for a lag; if the target of a row is "
        f"only known {way.rows} rows after it, pass horizon={way.rows}"
    )


def lag_in_name(name: str) -> int | None:
    """Return the number of rows that the name of a column tells to be its lag."""
    said = LAG_IN_NAME.search(name)
    return int(said[1]) if said and said[1] else None


def _unnamed_lag(name: str, lag: int) -> int:
    """Return a lag, 1 where the name of the column says that it is one."""
    said = LAG_IN_NAME.search(name)
    return 1 if said and int(said[1] or lag) >= lag else lag


def _may_be_lag(name: str, lag: int) -> bool:
    """Tell whether a name has the number of a lag ("load_24h"), or one of days ("load_D-1")."""
    return str(lag) in re.findall(r"\d+", name) or DAYS_IN_NAME.search(name) is not None
