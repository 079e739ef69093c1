"""The page: what stands in it, that no name can break it, and how it behaves in a browser."""

from __future__ import annotations

import ast
import json
import re
import sys

import pandas as pd
import pytest
from chromium import PATH, Chromium
from report_frames import report_parts, table_cells

from tsrnn.report import render_report, reproduction

pytest.importorskip("plotly")

SECTIONS = [
    *("ranking", "skill", "forecasts", "errors"),
    *("calibration", "comparison", "warnings", "settings"),
]
DASH = "\N{EN DASH}"
HOSTILE = ("<b>&", "</script><script>alert(1)</script>", "$title ${x} %{y}")
FAILURE = pd.DataFrame(
    {"model": ["<i>"], "fold": [3], "origin": [0], "error": ["x < y"], "traceback": ["in <module>"]}
)


def without_plotly(page):
    """Return the page without the text of plotly.js."""
    start = page.index("<script>/**") + len("<script>")
    return page[:start] + page[page.index("</script>", start) :]


@pytest.fixture(scope="module")
def page():
    return without_plotly(render_report(**report_parts()))


def test_the_page_needs_no_other_file(page):
    links = re.findall(r'(?:src|href|action)\s*=\s*"([^"]*)"', page)
    assert set(links) == {"data:,", *(f"#{name}" for name in SECTIONS)}
    assert not re.search(r"https?:|url\(|@import", page)


def test_every_section_has_a_heading(page):
    assert re.findall(r'<section id="(\w+)">\s*<h2>', page) == SECTIONS


def test_what_is_missing_is_said():
    parts = report_parts(levels=()) | {"comparison": None}
    page = without_plotly(render_report(**parts))
    assert '<p class="calm" >No model of this backtest forecast quantiles' in page
    assert '<p class="calm" >Two models, and more folds than overlap' in page
    assert "Nothing" not in page
    assert "None: no forecast copies the last value" in page
    assert "<code>result.to_html(path, audit=...)</code>" in page


def test_warnings_audit_and_failures_are_listed():
    told = {"warnings": ["a copy of <y>"], "audit": ["step 3 leaks"], "errors": FAILURE}
    page = without_plotly(render_report(**report_parts(), **told))
    assert "<li>a copy of &lt;y&gt;</li>" in page
    assert "<li>step 3 leaks</li>" in page
    assert "<summary>&lt;i&gt;, fold 3: x &lt; y</summary><pre>in &lt;module&gt;</pre>" in page
    clean = render_report(**report_parts(), audit=[])
    assert "No leak found" in without_plotly(clean)


def test_no_name_can_break_the_page():
    parts = report_parts(names=HOSTILE, series=("<u>", "b"))
    page = without_plotly(render_report(**parts, title="<h1>$verdict"))
    assert page.count("<script") == page.count("</script>") == 3
    assert "<b>" not in page
    assert "<u>" not in page
    assert "<title>&lt;h1&gt;$verdict</title>" in page
    assert [row[0] for row in table_cells(page)][1:4] == list(parts["summary"].index)


def test_the_code_to_reproduce_is_python_and_holds_the_settings():
    settings = report_parts()["settings"]
    call = ast.parse(reproduction(settings)).body[-1].value
    given = {keyword.arg: keyword.value.value for keyword in call.keywords}
    assert given == {"horizon": 4, "step": 4, "n_folds": 8, "refit": "cold"}
    assert "'good': Model(0)," in reproduction(settings)
    assert reproduction(settings | {"imports": ["import a"]}).startswith("import a\n")


def test_the_code_to_reproduce_names_the_metrics_where_all_have_a_name():
    settings = report_parts()["settings"] | {"scoring": ["max_error", "bias"]}
    assert "    scoring=['max_error', 'bias'],\n" in reproduction(settings)
    assert "scoring" not in reproduction(settings | {"scoring": None})


def test_models_without_a_forecast_are_told():
    parts = report_parts()
    parts["summary"].loc["broken", "folds"] = 0
    parts["settings"]["models"]["broken"] = "Broken()"
    page = without_plotly(render_report(**parts))
    assert 'broken <small class="failed">failed in every fold</small>' in page
    assert page.count('class="failed"') == 1
    assert "4 models, 8 folds" in page


def test_one_forecast_of_durations_makes_a_page():
    times = pd.timedelta_range("0s", periods=120, freq="6min")
    page = without_plotly(render_report(**report_parts(times=times, n_folds=1, horizon=1)))
    assert "3 models, 1 fold, 1 step; origin 0 days 11:48:00" in page
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page)[1])
    axis = figures["forecasts"][0]["layout"]["xaxis"]
    assert axis == {"type": "linear", "title": {"text": "time (h)"}}
    assert figures["forecasts"][0]["data"][-1]["x"] == [11.9]


def test_without_plotly_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r"pip install tsrnn\[report\]"):
        render_report(**report_parts())


needs_chromium = pytest.mark.skipif(PATH is None, reason="no Chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    parts = report_parts(names=HOSTILE, series=("first", "<second>"))
    path.write_text(render_report(**parts, errors=FAILURE), encoding="utf-8")
    return path


def chart(name):
    return f"document.querySelector('[data-figure={name}]')"


def shown(browser, name):
    """Return the visibility of the traces that the legend of a chart names."""
    traces = f"{chart(name)}._fullData.filter((t) => t.showlegend)"
    return browser.js(f"{traces}.map((t) => t.visible)")


@needs_chromium
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_figures_are_drawn_without_a_word_in_the_console(browser, file, dark):
    browser.problems.clear()
    browser.open(file, dark=dark)
    charts = browser.js("[...document.querySelectorAll('.chart')].map((c) => c._fullData?.length)")
    assert len(charts) == 7
    assert all(n >= 3 for n in charts)
    assert browser.problems == []


@needs_chromium
def test_a_click_on_a_name_hides_and_shows_its_line(browser, file):
    browser.open(file)
    assert shown(browser, "step") == [True, True, True]
    browser.click("[data-figure=step] .legendtoggle", 1)
    browser.wait(f"{chart('step')}._fullData[1].visible === 'legendonly'")
    assert shown(browser, "step") == [True, "legendonly", True]
    browser.click("#theme")  # does not bring it back
    assert shown(browser, "step") == [True, "legendonly", True]
    browser.click("[data-figure=step] .legendtoggle", 1)
    browser.wait(f"{chart('step')}._fullData[1].visible === true")


@needs_chromium
def test_hostile_names_are_read_as_written(browser, file):
    browser.open(file)
    names = "[...document.querySelectorAll('[data-figure=step] .legendtext')]"
    assert browser.js(f"{names}.map((t) => t.textContent)") == list(HOSTILE)
    options = browser.js("[...document.getElementById('series').options].map((o) => o.text)")
    assert any(option.startswith("<second>") for option in options)


@needs_chromium
def test_dark_and_light_follow_the_system_and_the_button(browser, file):
    style = "getComputedStyle(document.body)"
    look = f"[{style}.backgroundColor, {style}.color, {chart('step')}._fullLayout.font.color]"
    browser.open(file, dark=False)
    light = browser.js(look)
    browser.click("#theme")
    dark = browser.js(look)
    assert all(a != b for a, b in zip(light, dark, strict=True))
    browser.click("#theme")
    assert browser.js(look) == light
    browser.scheme(True)
    browser.wait("document.documentElement.dataset.theme === 'dark'")
    assert browser.js(look) == dark


@needs_chromium
def test_a_phone_need_not_scroll_sideways(browser, file):
    browser.open(file, width=390, height=844)
    assert browser.js("document.documentElement.scrollWidth") == 390
    assert browser.js("document.querySelector('.scroll').scrollWidth") >= 300
    widths = (
        "[...document.querySelectorAll('.main-svg')].map((s) => s.getBoundingClientRect().right)"
    )
    assert max(browser.js(widths)) <= 390


@needs_chromium
def test_series_intervals_and_ranges_can_be_chosen(browser, file):
    browser.open(file)
    state = f"(() => {{ const c = {chart('forecasts')}; const l = c._fullLayout; return {{"
    state += "x: l.xaxis.range, y: c._fullData.find((t) => t.name === 'observed').y[0],"
    state += "bands: c._fullData.filter((t) => t.fill === 'toself').length}; })()"
    first = browser.js(state)
    assert first["bands"] == 2
    browser.js("(() => { const s = document.getElementById('bands'); s.value = ''; "
               "s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    browser.click("#views button", 2)
    second = browser.js(state)
    assert second["bands"] == 0
    assert second["x"][0] == "2024-01-01"
    browser.js("(() => { const s = document.getElementById('series'); s.value = '1'; "
               "s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    assert browser.js(state)["y"] != second["y"]


@needs_chromium
def test_dragging_zooms_and_hovering_tells_the_values(browser, file):
    browser.open(file)
    browser.js(f"{chart('forecasts')}.scrollIntoView({{block: 'center'}})")
    box = browser.js(
        f"{chart('forecasts')}.querySelector('.nsewdrag').getBoundingClientRect().toJSON()"
    )
    middle = box["y"] + box["height"] / 2
    x = [box["x"] + box["width"] * share for share in (0.3, 0.6)]
    browser.mouse("mouseMoved", x[0], middle)
    browser.wait("document.querySelector('[data-figure=forecasts] .hoverlayer .legendtext')")
    assert "90%" in browser.js(f"{chart('forecasts')}.querySelector('.hoverlayer').textContent")
    before = browser.js(f"{chart('forecasts')}._fullLayout.xaxis.range")
    browser.mouse("mousePressed", x[0], middle)
    browser.mouse("mouseMoved", x[1], middle)
    browser.mouse("mouseReleased", x[1], middle)
    browser.wait(f"{chart('forecasts')}._fullLayout.xaxis.range[0] !== '{before[0]}'")


@needs_chromium
def test_a_click_on_a_heading_sorts_the_ranking(browser, file):
    browser.open(file)
    column = (
        "[...document.querySelectorAll('.sortable tbody tr')].map((r) => +r.cells[1].dataset.sort)"
    )
    assert browser.js(column) == sorted(browser.js(column))
    for direction in ("ascending", "descending"):
        browser.click(".sortable thead button", 1)
        heading = "document.querySelectorAll('.sortable thead th')[1]"
        assert browser.js(f"{heading}.getAttribute('aria-sort')") == direction
    assert browser.js(column) == sorted(browser.js(column), reverse=True)


@needs_chromium
def test_paper_is_light(browser, file):
    browser.open(file, dark=True)
    browser.js("dispatchEvent(new Event('beforeprint'))")
    assert browser.js("document.documentElement.dataset.theme") == "light"
    browser.js("dispatchEvent(new Event('afterprint'))")
    assert browser.js("document.documentElement.dataset.theme") == "dark"
