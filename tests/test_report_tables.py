"""The tables of the report: what they show, mark and explain."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from report_frames import SPREADS, report_parts, table_cells

from tsrnn.report_figures import colour
from tsrnn.report_tables import column_meanings, comparison_table, number, ranking_table

DASH = "\N{EN DASH}"
MODELS = list(SPREADS)


def ranking(**more):
    """Return the HTML of the ranking of a small backtest, columns added."""
    return ranking_table(report_parts()["summary"].assign(**more), MODELS)


def test_the_ranking_shows_the_summary_in_its_order():
    rows = table_cells(ranking())
    summary = report_parts()["summary"]
    assert rows[0] == ["Model", "MASE", "MAE", "Skill %", "DM p", "Folds"]
    assert [row[0] for row in rows[1:]] == list(summary.index)
    assert rows[1][1] == f"{summary['MASE'].iloc[0]:.3f}"
    assert [row[4] for row in rows[1:]] == ["<0.001", "0.250", DASH]


def test_the_best_of_each_column_is_marked():
    marked = re.findall(r'<td class="best" data-sort="([^"]*)"', ranking(RMSE=1.0))
    best = report_parts()["summary"].iloc[0]
    assert [float(x) for x in marked] == best[["MASE", "MAE", "skill_%"]].tolist()


def test_models_that_failed_are_named_and_never_the_best():
    summary = report_parts()["summary"]
    summary.loc["good", "folds"] = 5
    summary.loc["poor", :] = [np.nan] * 4 + [0]
    summary.loc["fair"] = summary.loc["naive"] * 2
    summary.loc["fair", "folds"] = 8
    table = ranking_table(summary, [*MODELS, "fair"], 8)
    words = [re.search("failed in [^<]*", row) for row in table.split("<tr>")[2:]]
    told = {"good": "failed in 3 of 8 folds", "poor": "failed in every fold"}
    assert [w and w[0] for w in words] == [told.get(model) for model in summary.index]
    marked = re.findall(r'<td class="best" data-sort="([^"]*)"', table)
    expected = [*summary.loc["naive", ["MASE", "MAE"]], 0.0]
    assert [float(x) for x in marked][:2] == expected[:2]
    assert table_cells(table)[3][1:] == [DASH] * 4 + ["0"]


def test_an_infinite_score_is_a_sign_that_is_explained_and_sorts_last():
    table = ranking(RMSSE=[1.0, np.inf, np.inf])
    assert [row[-1] for row in table_cells(table)] == ["RMSSE", "1.000", "∞", "∞"]
    assert table.count('data-sort="Infinity"') == 2
    meaning = column_meanings(pd.DataFrame(columns=["MASE"]))["MASE"]
    assert "∞ where a series repeated itself exactly in training" in meaning


def test_models_keep_the_colours_of_the_figures_whatever_their_rank():
    summary = report_parts()["summary"].iloc[::-1]
    found = re.findall(r"background:(#\w+)", ranking_table(summary, MODELS))
    assert found == [colour(MODELS.index(model)) for model in summary.index]


def test_a_metric_of_the_user_is_shown():
    column = [row[-1] for row in table_cells(ranking(**{"<my>": [1.0, 2.0, np.nan]}))]
    assert column == ["<my>", "1.000", "2.000", DASH]


def test_coverages_are_shown_in_per_cent_and_explained():
    column = [row[-1] for row in table_cells(ranking(**{"coverage_62.5": [60.0, 70.123, np.nan]}))]
    assert column == ["In 62.5 %", "60.0\xa0%", "70.1\xa0%", DASH]
    meaning = column_meanings(pd.DataFrame(columns=["coverage_62.5", "own"]))
    assert meaning == {"In 62.5 %": "share of the observations inside the 62.5 % interval"}


def test_the_comparison_says_who_is_better():
    rows = table_cells(comparison_table(report_parts()["comparison"], MODELS))
    assert rows[0] == ["row against column", "good", "naive", "poor"]
    assert rows[1][1:] == [DASH, "▲ 0.012 better", "▲ <0.001 better"]
    assert rows[2][1:] == ["▼ 0.012 worse", DASH, "▲ 0.300 better"]


def test_equal_models_and_too_few_folds_have_no_winner():
    tests = [("good", "naive", 0.0, 1.0), ("good", "poor", np.nan, np.nan)]
    frame = pd.DataFrame(tests, columns=["model", "other", "statistic", "p_value"])
    assert table_cells(comparison_table(frame, MODELS))[1][1:] == [DASH, "= 1.000 equal", DASH]


def test_the_surer_the_stronger_the_colour():
    table = comparison_table(report_parts()["comparison"], MODELS)
    strengths = [int(s) for s in re.findall(r"--strength:(\d+)%", table)]
    assert strengths[:2] == [57, 60]  # p = 0.012, p < 0.001
    assert strengths[3] == 10  # p = 0.3


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-1.26, "+.1f", "\N{MINUS SIGN}1.3"),
        (90.0, "%", "90.0\xa0%"),
        (0.0009, "p", "<0.001"),
        (np.nan, "p", DASH),
        (12345.6, ",.0f", "12,346"),
        (12345.6, "4 digits", "12,346"),
        (2.67, "4 digits", "2.670"),
        (999.9999, "4 digits", "1000"),
        (0.0, "3 digits", "0.00"),
        (-1e-7, "3 digits", "\N{MINUS SIGN}1.00e\N{MINUS SIGN}07"),
    ],
)
def test_numbers_are_written_for_the_page(value, form, text):
    assert number(value, form) == text
