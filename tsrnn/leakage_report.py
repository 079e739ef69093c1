"""What an audit found: leaks by fold, step and column, with the cure of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

# Each kind of leak and what to do about it.
CURES = {
    "test rows in training": "let no row be in both parts of a fold",
    "training after the test rows": "train on rows before the test part only, TimeSeriesSplit for "
    "rows in the order of time, ExpandingWindowSplit for panels",
    "overlapping targets": "leave a gap of horizon - 1 rows between training and test rows",
    "scaled over all rows": "put the scaler into the pipeline, so that each fold fits its own",
    "filled from all rows": "fill from rows before, ffill(), or by an imputer in the pipeline",
    "target in X": "drop the column, or lag it until its value is known",
    "later target in X": "drop the column, or shift it the other way",
    "window over later rows": "let the window end at the row, rolling(k) without center=True; if "
    "it is made of the target, before the row: shift(1).rolling(k)",
    "changes with later rows": "compute it from rows up to its own, or in a pipeline step that is "
    "fitted in each fold",
    "future covariate": "lag it by the horizon, declare it past_only, or pass what had been "
    "forecast of it as AsOf; or, if it is planned, say known_in_advance=[{column}]",
    "later vintages": "cut the vintages at the origin: X.until(origin)",
    "looks at later test rows": "let the step compute each row from rows up to it",
    "test rows in a parameter": "hold out the end of the training rows for validation instead",
    "state kept between fits": "fit a fresh clone in each fold, and leave warm_start=False",
    "state shared between clones": "keep what is learnt in attributes of the instance, not of the "
    "class or the module",
}

SHARED = ["step", "column", "kind"]  # what the leaks of several folds have in common


@dataclass(frozen=True)
class Leak:
    """One way in which the future reached the forecasts of one fold."""

    fold: int
    origin: Any  # label of the last row that the fold may know
    step: str
    column: str
    kind: str  # a key of CURES
    how: str
    size: float = np.nan  # largest change of a forecast, in deviations of y; NaN: none was made


@dataclass(frozen=True, repr=False)
class LeakageReport:
    """What :func:`tsrnn.audit_leakage` found.

    Attributes
    ----------
    leaks : DataFrame
        One row for each fold and leak: ``fold``, ``origin`` (last stamp that the forecasts of the
        fold may know), ``step`` (where it happens: "before the split", "prepare", "cv",
        "pipeline step 'x'", "parameter 'x'", "estimator", "predict"), ``column``, ``kind``, ``how``
        (what was seen), ``size`` (largest change of a forecast, in standard deviations of y; NaN
        where the leak is seen in the data and nothing was fitted), ``cure``.
    notes : tuple of str
        What the audit had to assume, and what it could not tell.
    folds : tuple of int
        Numbers of the folds in which the estimator was fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import KFold
    >>> from tsrnn.leakage import audit_leakage
    >>> y = np.random.default_rng(0).normal(size=61).cumsum()
    >>> report = audit_leakage(Ridge(), y[:-1, None], y[1:], KFold(3, shuffle=True, random_state=0))
    >>> report.leaks.loc[0, ["step", "column", "kind"]].tolist()
    ['cv', 'y', 'training after the test rows']
    >>> report.clean
    False
    """

    leaks: pd.DataFrame
    notes: tuple[str, ...]
    folds: tuple[int, ...]

    @property
    def clean(self) -> bool:
        """Whether no leak was found."""
        return self.leaks.empty

    def sentences(self) -> list[str]:
        """Return one sentence for each leak (the folds that share it together), then the notes."""
        told = [_sentence(rows) for _, rows in self.leaks.groupby(SHARED, sort=False)]
        return [*(told or ["No leak was found."]), *self.notes]

    def raise_if_leaking(self) -> None:
        """Raise a ValueError with the sentences if any leak was found, for tests of a project."""
        if not self.clean:
            raise ValueError("\n".join(self.sentences()))

    def __repr__(self) -> str:
        n = len(self.leaks.drop_duplicates(SHARED))
        head = f"LeakageReport: {n} leak{'' if n == 1 else 's'}"
        return "\n".join([head, *(f"- {sentence}" for sentence in self.sentences())])


def make_report(leaks: Sequence[Leak], notes: Sequence[str], folds: Sequence[int]) -> LeakageReport:
    """Lay leaks out in a frame, in the order in which they were looked for."""
    frame = pd.DataFrame([asdict(leak) for leak in leaks], columns=[f.name for f in fields(Leak)])
    frame["cure"] = [
        CURES[leak.kind].format(column=leak.column if leak.column.isdigit() else repr(leak.column))
        for leak in leaks
    ]
    return LeakageReport(frame, tuple(dict.fromkeys(notes)), tuple(folds))


def listed(names: Sequence[Any], most: int = 4) -> str:
    """Write names in a row, the middle ones left out where they are many."""
    if len(names) <= most:
        return ", ".join(map(str, names))
    return f"{', '.join(map(str, names[: most - 1]))}, ... {names[-1]}"


def _sentence(rows: pd.DataFrame) -> str:
    """Tell a leak, given its rows (one for each fold that has it)."""
    first = rows.iloc[0]
    folds = f"fold{'' if len(rows) == 1 else 's'} {listed(rows['fold'].tolist())}"
    size = rows["size"].max()
    changed = f"; forecasts change by {size:.2g} deviations of y" if size > 0 else ""
    return (
        f"{first['step']}, column {first['column']}: {first['kind']} ({folds}; first origin "
        f"{first['origin']}): {first['how']}{changed}. Cure: {first['cure']}."
    )
