"""Read a series from a CSV file, and say in a sentence what is wrong with the file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def read_series(file: Path, time: str, target: str) -> pd.Series:
    """Read one column of a CSV file as a series on another column of time stamps.

    Stamps with offsets keep their offset when it is the same in all rows, else they become UTC.
    Whole numbers stay numbers, but for those of eight digits, which are dates (20240131).

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no CSV file, a column is missing, a stamp is no date, or a value is no number:
        naming the first with its row, counted from 1 after the header.
    """
    table = read_table(file)
    for column in (time, target):
        if column not in table.columns:
            raise ValueError(f"{file} has no column {column!r}: its columns are {listed(table)}")
    if table.empty:
        raise ValueError(f"{file} has 0 rows under its header")
    stamps = _read_stamps(file, table[time])
    values = _read_numbers(file, table[target])
    return pd.Series(values.to_numpy(dtype=float), index=stamps, name=target)


def read_table(file: Path) -> pd.DataFrame:
    """Read a CSV file with a header; ValueError for a file that is none."""
    try:
        return pd.read_csv(file)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a CSV file with a header: {error}") from error


def _read_stamps(file: Path, column: pd.Series) -> pd.Index:
    if pd.api.types.is_integer_dtype(column):
        if not column.between(10_000_101, 99_991_231).all():
            return pd.Index(column)
        column = column.astype(str)
    elif pd.api.types.is_numeric_dtype(column):
        return pd.Index(column)
    _check_day_first(file, column)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "could not infer format": said better below
        try:
            stamps = pd.to_datetime(column, errors="coerce")
        except ValueError:  # offsets that change, as in local time with daylight saving
            stamps = pd.to_datetime(column, errors="coerce", utc=True)
    if stamps.isna().any():
        row = int(stamps.isna().to_numpy().argmax())
        raise ValueError(
            f"{file}: column {column.name!r} has {_shown(column.iloc[row])} in row {row + 1}, "
            f"{int(stamps.isna().sum())} of {len(column)} are no dates: write them all like "
            "2024-01-31 or 2024-01-31 18:30"
        )
    return pd.DatetimeIndex(stamps)


def _check_day_first(file: Path, column: pd.Series) -> None:
    """Refuse dates like 03/04/2024, which are read either way without a word."""
    parts = column.astype(str).str.extract(r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b").dropna()
    if parts.empty or (parts.astype(int)[1] > 12).any():  # 01/31/2024: the month comes first
        return
    raise ValueError(
        f"{file}: column {column.name!r} has {_shown(column.loc[parts.index[0]])}, where the "
        "day and the month could change places: write dates like 2024-01-31"
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
    """Return the names of the columns with commas between."""
    return ", ".join(map(str, table.columns))
