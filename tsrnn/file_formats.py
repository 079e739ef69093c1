"""Readers of the file formats of public data sets."""

from __future__ import annotations

import csv
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def ragged_csv(path: Path, header: bool) -> dict[str, NDArray[np.float64]]:
    """Read lines ``name,value,value,...``, some with empty cells at their end."""
    with path.open(newline="", encoding="utf-8") as opened:
        lines = list(csv.reader(opened))[int(header) :]
    return {name: np.array([v for v in values if v], dtype=float) for name, *values in lines}


def tsf(archive: Path) -> tuple[dict[str, NDArray[np.float64]], dict[str, pd.Timestamp]]:
    """Read Monash's format, ``name:1979-01-01 00-00-00:value,value,...`` below the line @data."""
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(archive.with_suffix(".tsf").name).decode("utf-8", "replace")
    rows, starts = {}, {}
    for line in text.partition("@data")[2].split("\n"):
        if line.strip():
            name, start, values = line.strip().split(":")
            rows[name] = np.array(values.split(","), dtype=float)
            starts[name] = pd.Timestamp(start[:10])
    return rows, starts


def ts(path: Path) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Read aeon's format, ``value,value,...:value,...:label`` with one part a channel."""
    sequences, labels = [], []
    for line in path.read_text("utf-8").partition("@data")[2].split():
        *channels, label = line.split(":")
        sequences.append(np.array([channel.split(",") for channel in channels], dtype=float).T)
        labels.append(int(label))
    return sequences, np.array(labels)


def pad_left(sequences: list[NDArray[np.float64]], steps: int) -> NDArray[np.float64]:
    """Stack sequences (T_i, channels) to (n, steps, channels), NaN in front of the short ones."""
    padded = np.full((len(sequences), steps, sequences[0].shape[1]), np.nan)
    for row, sequence in zip(padded, sequences, strict=True):
        row[steps - len(sequence) :] = sequence
    return padded


def wav_files(archive: Path) -> dict[str, bytes]:
    """Read the recordings, by their file name, out of a packed tar; nothing is written."""
    files = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member) if member.name.endswith(".wav") else None
            if content is not None:
                files[Path(member.name).name] = content.read()
    return files
