"""Long frames: a table with a column of series names and a column of times, to panels and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tsrnn.containers import check_index


def from_long(
    frame: Any, *, series: str | None = "id", time: str = "time", target: str | list[str] = "y"
) -> tuple[pd.DataFrame | None, pd.Series | pd.DataFrame]:
    """Turn a long table into the ``(X, y)`` of a panel.

    Parameters
    ----------
    frame : pandas or polars DataFrame
        One row for each series and time.
    series : str or None, default="id"
        Column of the series names. None: the table holds a single series.
    time : str, default="time"
        Column of the time stamps: datetimes, periods or numbers, increasing within each series.
    target : str or list of str, default="y"
        Column or columns to forecast. A list gives a frame of several targets.

    Returns
    -------
    X : DataFrame or None
        All the other columns, None where there are none.
    y : Series or DataFrame
        On a MultiIndex ``(series, time)``, on the times alone without ``series``. Rows keep their
        order.

    Raises
    ------
    ValueError
        If a column is absent or named twice, or the times of a series are missing, duplicated or
        do not increase.
    TypeError
        If the times are text.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame(
    ...     {"id": ["a", "a", "b"], "time": [1, 2, 1], "y": [3.0, 4.0, 9.0], "price": [1, 1, 2]}
    ... )
    >>> X, y = from_long(sales)
    >>> y
    id  time
    a   1       3.0
        2       4.0
    b   1       9.0
    Name: y, dtype: float64
    >>> X.columns.tolist()
    ['price']
    """
    table = read_frame(frame, "frame")
    targets = [target] if isinstance(target, str) else list(target)
    keys = [time] if series is None else [series, time]
    check_columns(table, [*keys, *targets], "frame")
    index = _index(table, keys)
    check_index(index, "frame")
    rest = [name for name in table.columns if name not in {*keys, *targets}]
    X = table[rest].set_axis(index) if rest else None
    return X, table[target if isinstance(target, str) else targets].set_axis(index)


def to_long(
    forecast: pd.Series | pd.DataFrame, *, series: str = "id", time: str = "time"
) -> pd.DataFrame:
    """Turn a forecast (or any y or X) with time stamps in its index into a long table.

    Parameters
    ----------
    forecast : Series or DataFrame
        Of ``predict``, ``predict_quantiles`` or ``predict_interval``; on a MultiIndex ``(series,
        time)`` or, for a single series, on its times.
    series, time : str, default="id" and "time"
        Names of the columns to make.

    Returns
    -------
    DataFrame
        The columns ``series`` (not for a single series) and ``time``, then those of the forecast.
        A column of two levels gets its names joined by an underscore, ``sales_0.9``; a Series
        without a name is called "y".

    Raises
    ------
    TypeError
        If the forecast is no pandas object with one or two index levels.
    ValueError
        If a column of the forecast already has one of the names.

    Examples
    --------
    >>> import pandas as pd
    >>> forecast = pd.Series([5.0, 8.0], pd.MultiIndex.from_tuples([("a", 3), ("b", 2)]), name="y")
    >>> to_long(forecast)
      id  time    y
    0  a     3  5.0
    1  b     2  8.0
    """
    if not isinstance(forecast, pd.Series | pd.DataFrame):
        raise TypeError(
            f"forecast is a {type(forecast).__name__}: expected a pandas Series or DataFrame"
        )
    levels = forecast.index.nlevels
    if levels > 2:
        raise TypeError(
            f"forecast.index has the levels {list(forecast.index.names)}: "
            "expected (series, time) or the time alone"
        )
    if isinstance(forecast, pd.Series):
        table = forecast.to_frame("y" if forecast.name is None else forecast.name)
    else:
        table = forecast.copy(deep=False)
    if table.columns.nlevels > 1:
        table.columns = pd.Index(["_".join(map(str, name)) for name in table.columns])
    keys = [time] if levels == 1 else [series, time]
    for name in keys:
        if name in table.columns:
            raise ValueError(
                f"forecast already has a column {name!r}: choose other names for series= and time="
            )
    table.index = table.index.set_names(keys)
    return table.reset_index()


def read_frame(frame: Any, argument: str) -> pd.DataFrame:
    """Return a pandas frame; a polars one is converted, time zones included."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if not nw.dependencies.is_polars_dataframe(frame):
        raise TypeError(
            f"{argument} is a {type(frame).__name__}: expected a pandas or polars DataFrame"
        )
    return pd.DataFrame({name: _from_polars(frame[name]) for name in frame.columns})


def check_columns(table: pd.DataFrame, names: Sequence[str], argument: str) -> None:
    """Refuse names that are no columns of a table, or that are asked for or held twice."""
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise ValueError(
            f"{argument} has no column {', '.join(map(repr, absent))}: "
            f"it has {table.columns.tolist()}"
        )
    for name in names:
        if list(names).count(name) > 1:
            raise ValueError(f"{name!r} is named twice: expected different columns, got {names}")
        if table.columns.tolist().count(name) > 1:
            raise ValueError(f"{argument} has more than one column {name!r}: rename all but one")


def check_times(times: pd.Series, argument: str) -> None:
    """Refuse a column that holds no time stamps, with the conversion to write for text."""
    if isinstance(times.dtype, pd.DatetimeTZDtype | pd.PeriodDtype) or times.dtype.kind in "Mmiuf":
        return
    raise TypeError(
        f"{argument} has times of dtype {times.dtype} in the column {times.name!r}: expected "
        f"datetimes, periods or numbers; {argument}[{times.name!r}] = "
        f"pd.to_datetime({argument}[{times.name!r}])"
    )


def _index(table: pd.DataFrame, keys: list[str]) -> pd.Index:
    """Make the index (time) or (series, time) out of the key columns."""
    check_times(table[keys[-1]], "frame")
    if len(keys) == 1:
        return pd.Index(table[keys[0]])
    unnamed = table[keys[0]].isna().to_numpy()
    if unnamed.any():
        raise ValueError(
            f"frame has {unnamed.sum()} missing series names in the column {keys[0]!r}, "
            f"first at row {np.argmax(unnamed)}: drop those rows"
        )
    return pd.MultiIndex.from_frame(table[keys])


def _from_polars(column: Any) -> pd.Series:
    """Convert without pyarrow, which polars' own conversion needs; null becomes missing."""
    values = pd.Series(column.to_numpy())
    zone = getattr(column.dtype, "time_zone", None)
    if zone is not None:  # numpy has the instants in UTC
        values = values.dt.tz_localize("UTC").dt.tz_convert(zone)
    return values
