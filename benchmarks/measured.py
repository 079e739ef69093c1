"""Rows that a benchmark measured: kept in a CSV by key, with the commit, machine and versions."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import tsrnn

ROOT = Path(__file__).resolve().parents[1]
CIRCUMSTANCES = ["python", "torch", "tsrnn", "machine", "date"]


def stored_row(path: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    """Return the row of a key, None where there is none."""
    if not path.exists():
        return None
    stored = _stored(path)
    found = stored[_matching(stored, key)]
    return dict(found.iloc[-1]) if len(found) else None


def store_row(path: Path, row: dict[str, Any], key: Sequence[str], columns: Sequence[str]) -> None:
    """Write the row into the CSV, in the place of one with the same key."""
    frame = pd.DataFrame([row], columns=columns)
    if path.exists():
        stored = _stored(path)
        others = stored[~_matching(stored, {name: row[name] for name in key})]
        frame = pd.concat([others, frame])[list(columns)] if len(others) else frame
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")  # an interruption must not lose the rows so far
    frame.to_csv(unfinished, index=False, float_format="%.6g")
    unfinished.replace(path)


def circumstances() -> dict[str, Any]:
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tsrnn": tsrnn.__version__,
        "machine": f"{platform.machine()} {cores} cores {threads} threads",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def current_commit() -> str:
    """Return the commit, marked where the package or the benchmarks differ from it."""
    if not (ROOT / ".git").exists():
        return "unknown+dirty"
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "tsrnn", "benchmarks/*.py")
    return f"{commit}+dirty" if changed else commit


def _stored(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"commit": str})  # a commit may look like a number


def _matching(frame: pd.DataFrame, key: dict[str, Any]) -> pd.Series:
    return (frame[list(key)] == pd.Series(key)).all(axis=1)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
