"""Read a series from a CSV file, and say in a sentence what is wrong with the file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}  # other than the comma
SHORT_DATE = r"^\s*(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})\b"


def read_series(file: Path, time: str, target: str) -> pd.Series:
    """Read one column of a CSV file as a series on another column of time stamps.

    Stamps with offsets keep their offset when it is the same in all rows, else they become UTC.
    Whole numbers stay numbers, but for those of eight digits, which are dates (20240131). Dates
    like 03/04/2024 are read with the day or the month first, whichever alone fits all rows.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no CSV file, a column is missing, a stamp is no date, is repeated or before that
        of the row above it, or a value is no number: naming the first with its row, counted from 1
        after the header.
    """
    table = read_table(file)
    for column in (time, target):
        if column not in table.columns:
            raise ValueError(f"{file} has no column {column!r}: its columns are {listed(table)}")
    if table.empty:
        raise ValueError(f"{file} has 0 rows under its header")
    stamps = _read_stamps(file, table[time])
    _check_order(file, time, stamps)
    values = _read_numbers(file, table[target])
    return pd.Series(values.to_numpy(dtype=float), index=stamps, name=target)


def read_table(file: Path) -> pd.DataFrame:
    """Read a CSV file with a header; ValueError for a file that is none."""
    try:
        header = list(pd.read_csv(file, nrows=0).columns)
        _check_separator(file, header)
        return pd.read_csv(file)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a CSV file with a header: {error}") from error


def _check_separator(file: Path, header: list[str]) -> None:
    """Refuse a file whose columns other marks than commas separate."""
    marks = [name for mark, name in SEPARATORS.items() if len(header) == 1 and mark in header[0]]
    if marks:
        raise ValueError(
            f"{file} has {marks[0]} between its columns, {header[0]!r}: expected commas, and "
            "decimal points in the numbers"
        )


def _check_order(file: Path, time: str, stamps: pd.Index) -> None:
    """Refuse rows in another order than that of time, and stamps in more than one row."""
    again = np.asarray(stamps.duplicated())
    if again.any():
        row = int(again.argmax())
        raise ValueError(
            f"{file}: column {time!r} has {stamps[row]} a second time in row {row + 1}, "
            f"{again.sum()} of {len(stamps)} are repeated: keep one row a stamp; of several series "
            "one; where clocks were set back, write offsets such as +01:00"
        )
    before = np.asarray(stamps[1:] < stamps[:-1])
    if before.any():
        rows = "the newest first" if before.all() else "not in order of time"
        raise ValueError(
            f"{file}: the rows are {rows}, row {int(before.argmax()) + 2} is before the row above "
            f"it: sort the file by column {time!r}"
        )


def _read_stamps(file: Path, column: pd.Series) -> pd.Index:
    if pd.api.types.is_integer_dtype(column):
        if not column.between(10_000_101, 99_991_231).all():
            return pd.Index(column)
        column = column.astype(str)
    elif pd.api.types.is_numeric_dtype(column):
        return pd.Index(column)
    day_first = _is_day_first(file, column)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "could not infer format": said better below
        try:
            stamps = pd.to_datetime(column, errors="coerce", dayfirst=day_first)
        except ValueError:  # offsets that change, as in local time with daylight saving
            stamps = pd.to_datetime(column, errors="coerce", dayfirst=day_first, utc=True)
    if stamps.isna().any():
        row = int(stamps.isna().to_numpy().argmax())
        raise ValueError(
            f"{file}: column {column.name!r} has {_shown(column.iloc[row])} in row {row + 1}, "
            f"{int(stamps.isna().sum())} of {len(column)} are no dates: write them all like "
            "2024-01-31 or 2024-01-31 18:30"
        )
    return pd.DatetimeIndex(stamps)


def _is_day_first(file: Path, column: pd.Series) -> bool:
    """Tell from all dates like 03/04/2024 what comes first; refuse those that leave it open."""
    parts = column.astype(str).str.extract(SHORT_DATE).dropna()
    if parts.empty:
        return False
    first, second, third = parts.astype(int).to_numpy().T
    day_first = bool(np.all((first <= 31) & (second <= 12)))
    month_first = bool(np.all((first <= 12) & (second <= 31)))
    # 24-01-05 may be a day of 2005 or of 2024.
    year_first = bool(np.all((second <= 12) & (third <= 31)))
    if (day_first, month_first, year_first) in ((True, False, False), (False, True, False)):
        return day_first
    parts_of_date = "the day, the month and the year" if year_first else "the day and the month"
    fault = "could change places" if day_first or year_first else "have no order that fits all rows"
    raise ValueError(
        f"{file}: column {column.name!r} has {_shown(column.loc[parts.index[0]])}, where "
        f"{parts_of_date} {fault}: write dates like 2024-01-31"
    )


def _read_numbers(file: Path, column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column):
        raise ValueError(f"{file}: column {column.name!r} is true or false: expected numbers")
    numbers = pd.to_numeric(column, errors="coerce")
    text = numbers.isna() & column.notna()
    if text.any():
        row = int(text.to_numpy().argmax())
        raise ValueError(
            f"{file}: column {column.name!r} has {_shown(column.iloc[row])} in row {row + 1}, "
            f"{int(text.sum())} of {len(column)} are text: expected numbers"
        )
    return numbers


def _shown(value: Any) -> str:
    return "nothing" if pd.isna(value) else repr(value)


def listed(table: pd.DataFrame) -> str:
    """Return the names of the columns with commas between, those with spaces at an end quoted."""
    return ", ".join(name if name == name.strip() else repr(name) for name in table.columns)
