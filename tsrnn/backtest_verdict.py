"""Say in words what a backtest proves, and what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

SKILL = {"naive": "skill_%", "seasonal naive": "skill_seasonal_%"}


def verdict(summary: pd.DataFrame, alpha: float, baseline: str) -> str:
    """Say which models beat a baseline by more than luck.

    Parameters
    ----------
    summary : DataFrame
        Index the models; columns ``skill_%``, ``skill_seasonal_%``, ``dm_p`` and ``folds`` of
        ``BacktestResult.summary``.
    alpha : float
        Chance of a false claim that is accepted, over all models together (Holm 1979).
    baseline : {"naive", "seasonal naive"}
        Against which ``dm_p`` was tested.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"skill_%": 9.0, "skill_seasonal_%": 20.0, "dm_p": 0.01, "folds": 20}
    >>> verdict(pd.DataFrame(row, index=["lstm"]), alpha=0.05, baseline="naive")
    'lstm beats the naive forecast by 9.0 % (p = 0.010).'
    """
    if summary.empty:
        return "No model forecast every fold."
    skills = summary[SKILL[baseline]]
    same = (skills == 0) & (summary["dm_p"] == 1)
    tried = summary[~same]
    if tried.empty:
        return f"No model differs from the {baseline} forecast."
    if tried["dm_p"].isna().all():
        return (
            f"{int(tried['folds'].max())} fold(s) cannot tell skill from luck: "
            f"no model is said to beat the {baseline} forecast."
        )
    raw = tried["dm_p"].dropna()
    p_values = _holm(raw)
    skill = skills.loc[raw.index]
    better = skill[(skill > 0) & (p_values <= alpha)].sort_values(ascending=False)
    if better.empty:
        return _nobody_wins(raw.to_dict(), p_values.to_dict(), skill.to_dict(), alpha, baseline)
    verbs = [f"beats the {baseline} forecast by", *["by"] * (len(better) - 1)]
    wins = [
        f"{name} {verb} {percent:.1f} % ({_p_text(p_value)})"
        for name, verb, percent, p_value in zip(
            better.index, verbs, better, p_values[better.index], strict=True
        )
    ]
    corrected = f"; p-values corrected for {len(raw)} models" if len(raw) > 1 else ""
    return ", ".join(wins) + corrected + "."


def _nobody_wins(
    raw: dict[Any, float],
    p_values: dict[Any, float],
    skill: dict[Any, float],
    alpha: float,
    baseline: str,
) -> str:
    """Say which model came closest."""
    ahead = [name for name in skill if skill[name] > 0]
    if not ahead:
        best = max(skill, key=skill.__getitem__)
        return (
            f"No model beats the {baseline} forecast; the closest, {best}, "
            f"is worse by {-skill[best]:.1f} %."
        )
    name = min(ahead, key=raw.__getitem__)
    text = f"smallest p-value {raw[name]:.2g}, {name}"
    if raw[name] <= alpha:
        text += f", which is {p_values[name]:.2g} after correction for {len(raw)} models"
    return f"No model beats the {baseline} forecast by more than luck ({text})."


def _holm(p_values: pd.Series) -> pd.Series:
    """Correct p-values for their number, step by step from the smallest (Holm 1979)."""
    ordered = p_values.sort_values()
    factors = np.arange(len(ordered), 0, -1)
    corrected = np.minimum(1.0, np.maximum.accumulate(factors * ordered.to_numpy()))
    return pd.Series(corrected, index=ordered.index).reindex(p_values.index)


def _p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
