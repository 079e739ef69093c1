"""Write the frames of a backtest to a folder and read them back: parquet or CSV, and JSON.

The JSON file lists the frames with the kind of each column, so that CSV gives back what was
written: time stamps with their zone, periods, labels that look like numbers. Nothing is executed.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from tsrnn.checks import check_choice

FORMATS = ("parquet", "csv")
MANIFEST = "backtest.json"
VERSION = 1  # of the layout


def write_frames(
    folder: Any, frames: Mapping[str, pd.DataFrame], facts: dict[str, Any], file_format: str
) -> None:
    """Write frames and facts to a folder; what an earlier call wrote there is replaced whole.

    Parameters
    ----------
    folder : path
    frames : mapping of name -> DataFrame
        Without an index of their own.
    facts : dict
        Anything that JSON can hold.
    file_format : {"parquet", "csv"}

    Raises
    ------
    ValueError
        For another format.
    FileExistsError
        If there is a file or a folder with other content.
    ImportError
        If parquet is asked for without pyarrow.
    """
    check_choice("file_format", file_format, FORMATS)
    path = Path(folder)
    if path.exists() and not (path / MANIFEST).is_file():
        raise FileExistsError(f"{path} exists and holds no backtest: name a new folder")
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    frames = {name: _with_plain_labels(frame) for name, frame in frames.items()}
    for name, frame in frames.items():
        if file_format == "csv":
            frame.to_csv(partial / f"{name}.csv", index=False)
        else:
            _check_pyarrow()
            frame.to_parquet(partial / f"{name}.parquet", index=False)
    kinds = {name: _kinds(frame) for name, frame in frames.items()}
    manifest = {"version": VERSION, "format": file_format, "frames": kinds, "facts": facts}
    text = json.dumps(manifest, indent=1, allow_nan=False)
    (partial / MANIFEST).write_text(text, encoding="utf-8")
    if path.exists():
        shutil.rmtree(path)
    partial.replace(path)


def read_frames(folder: Any) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the frames and facts that :func:`write_frames` wrote.

    Raises
    ------
    FileNotFoundError
        If the folder holds no backtest.
    ValueError
        If it was written by a newer version.
    """
    path = Path(folder)
    if not (path / MANIFEST).is_file():
        raise FileNotFoundError(f"{path} holds no backtest: there is no {MANIFEST}")
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    if manifest["version"] > VERSION:
        raise ValueError(
            f"{path} was written in layout {manifest['version']}, known are those up to {VERSION}: "
            "install a newer tsrnn"
        )
    read = _read_csv if manifest["format"] == "csv" else _read_parquet
    frames = {name: read(path, name, kinds) for name, kinds in manifest["frames"].items()}
    return frames, manifest["facts"]


def _with_plain_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn labels of mixed type into text: neither format keeps what they were."""
    mixed = [
        name
        for name, column in frame.items()
        if column.dtype == object and not column.map(lambda label: isinstance(label, str)).all()
    ]
    if mixed:
        warnings.warn(
            f"column {mixed[0]!r} has labels of several types: they are saved as text",
            UserWarning,
            stacklevel=4,
        )
    return frame.astype(dict.fromkeys(mixed, str))


def _kinds(frame: pd.DataFrame) -> dict[str, str]:
    """Name the kind of each column: "object" is text."""
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def _read_parquet(path: Path, name: str, kinds: dict[str, str]) -> pd.DataFrame:
    _check_pyarrow()
    return pd.read_parquet(path / f"{name}.parquet").astype(kinds)


def _read_csv(path: Path, name: str, kinds: dict[str, str]) -> pd.DataFrame:
    text = pd.read_csv(path / f"{name}.csv", dtype=str, keep_default_na=False)
    return pd.DataFrame({column: _parsed(text[column], kinds[column]) for column in kinds})


def _parsed(text: pd.Series, kind: Any) -> pd.Series:
    """Turn text into a column of a kind; an empty number is a missing one."""
    if kind.startswith("datetime64"):
        stamps = pd.to_datetime(text, format="ISO8601", utc="," in kind)
        return stamps.astype(kind)
    if kind.startswith("period"):
        return pd.Series(pd.PeriodIndex(text, dtype=kind), name=text.name)
    if kind.startswith("float"):
        return text.replace("", "nan").astype(kind)  # Python's own parser: every digit counts
    return text.astype(kind)


def _check_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise ImportError(
            "parquet needs pyarrow: pip install tsrnn[parquet], or use file_format='csv'"
        )
