"""Keep the outcomes of finished folds on disk, so that an interrupted backtest goes on.

A file a chain, named by a hash of all that its outcomes depend on: with another model, other data
or other folds the file is not found, and the chain is run. Files hold arrays and text only; reading
one runs no code.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from tsrnn.backtest_settings import installed_versions
from tsrnn.folds import Data, Fold, Outcome

NUMBERS = ("fit_seconds", "predict_seconds", "peak_mb")
ARRAYS = ("y_pred", "quantiles")
DAMAGED = (OSError, ValueError, KeyError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Checkpoints:
    """A folder of finished chains for one set of data and of packages."""

    folder: Path
    common_hash: str

    @classmethod
    def of(cls, folder: Any, data: Data) -> Checkpoints:
        """Make the folder; hash what all chains have in common.

        Raises
        ------
        NotADirectoryError
            If there is a file of that name.
        """
        path = Path(folder)
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"checkpoint={folder!r} is a file: expected a folder")
        path.mkdir(parents=True, exist_ok=True)
        return cls(path, joblib.hash([data.X, data.values, data.index, installed_versions()]))

    def read(self, folds: Sequence[Fold], name: str, *identity: Any) -> list[Outcome]:
        """Return the outcomes of a model's chain, none if it has not been run."""
        path = self._path(folds, name, *identity)
        if not path.exists():
            return []
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                facts = json.loads(str(stored["facts"]))
                return [
                    Outcome(name, fold, **fact, **{a: stored.get(f"{a}_{i}") for a in ARRAYS})
                    for i, (fold, fact) in enumerate(zip(folds, facts, strict=True))
                ]
        except DAMAGED as error:
            warnings.warn(
                f"checkpoint {path} cannot be read ({error}): its folds are run again",
                UserWarning,
                stacklevel=2,
            )
            return []

    def write(self, outcomes: Sequence[Outcome], *identity: Any) -> None:
        """Keep the outcomes of one chain; the file appears whole or not at all."""
        path = self._path([outcome.fold for outcome in outcomes], *identity)
        facts = [
            {"action": outcome.action} | {name: getattr(outcome, name) for name in NUMBERS}
            for outcome in outcomes
        ]
        arrays = {
            f"{name}_{i}": getattr(outcome, name)
            for i, outcome in enumerate(outcomes)
            for name in ARRAYS
            if getattr(outcome, name) is not None
        }
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with open(partial, "wb") as file:
            np.savez_compressed(file, facts=np.array(json.dumps(facts)), **arrays)
        partial.replace(path)

    def _path(self, folds: Sequence[Fold], name: str, *identity: Any) -> Path:
        rows = [(fold.train, fold.test, fold.new) for fold in folds]
        try:
            key = joblib.hash([self.common_hash, rows, name, *identity])
        except Exception as error:  # pickle raises what it likes
            raise TypeError(
                f"checkpoint: the model {name!r} cannot be hashed ({str(error)[:100]}); use "
                "functions with names in place of lambdas, or checkpoint=None"
            ) from error
        return self.folder / f"{key}.npz"
