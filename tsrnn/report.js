"use strict";
const FIGURES = JSON.parse(document.getElementById("figures").textContent);
const ROOT = document.documentElement;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const TOUCH = matchMedia("(pointer: coarse)").matches;
const HOVERS = matchMedia("(hover: hover)").matches;
const BUTTONS = [["zoom2d", "pan2d", "resetScale2d", "toImage"]];
const LEGEND = {orientation: "h", x: 0, y: 1.02, yanchor: "bottom"};
const byId = (id) => document.getElementById(id);

// Colours written as var(--name) become those of the style sheet, in a copy of the figure.
function coloured(value, style) {
  if (typeof value === "string" && value.startsWith("var(")) {
    return style.getPropertyValue(value.slice(4, -1)).trim();
  }
  // Lists are coordinates; only the short ones hold objects.
  if (Array.isArray(value)) {
    return typeof value[0] === "object" && value[0] !== null && !Array.isArray(value[0])
      ? value.map((item) => coloured(item, style)) : value;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
}

// What all figures share, below what a figure says itself.
function dressed(layout) {
  const axis = {
    gridcolor: "var(--line)", linecolor: "var(--muted)", tickcolor: "var(--line)",
    zerolinecolor: "var(--line)", automargin: true,
    title: {font: {size: 13}, standoff: 8},
  };
  const full = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {family: getComputedStyle(document.body).fontFamily, size: 13, color: "var(--ink)"},
    margin: {l: 56, r: 12, t: 12, b: 34},
    legend: LEGEND,
    hoverlabel: {
      bgcolor: "var(--panel)", bordercolor: "var(--line)", font: {color: "var(--ink)"}, namelength: 24,
    },
    modebar: {bgcolor: "rgba(0,0,0,0)", color: "var(--muted)", activecolor: "var(--ink)"},
    dragmode: TOUCH ? false : "zoom", // a finger scrolls the page
    uirevision: "kept", // zoom and hidden names stay when colours change
    ...layout,
  };
  for (const name of ["xaxis", "yaxis", "yaxis2"]) {
    if (name in full) full[name] = {...axis, ...full[name], title: {...axis.title, ...full[name].title}};
  }
  return full;
}

function draw(chart, figure) {
  const style = getComputedStyle(ROOT);
  return Plotly.react(
    chart, coloured(figure.data, style), coloured(dressed(figure.layout), style), {
      responsive: true, displaylogo: false, modeBarButtons: BUTTONS,
      // Without a mouse the buttons are always there, so only where zooming matters.
      displayModeBar: HOVERS ? "hover" : chart.classList.contains("tall"),
    });
}

// The forecasts of the chosen series, with the intervals of the chosen model, in the chosen range.
let view = 0;
function forecasts() {
  const figure = FIGURES.forecasts[byId("series").value];
  const bands = byId("bands").value;
  const range = figure.views[view];
  const layout = {
    ...figure.layout,
    xaxis: {...figure.layout.xaxis, range: range.x},
    yaxis: {...figure.layout.yaxis, range: range.y},
    uirevision: `${byId("series").value} ${view}`, // a new choice undoes the zoom
    legend: {...LEGEND, uirevision: "kept"}, // and keeps what is hidden
  };
  const data = figure.data.filter((trace) => !("meta" in trace) || String(trace.meta) === bands);
  return {data, layout};
}
function offerViews() {
  const {views} = FIGURES.forecasts[byId("series").value];
  view = Math.min(view, views.length - 1);
  byId("views").replaceChildren(...views.map(({label}, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-pressed", String(i === view));
    button.addEventListener("click", () => { view = i; offerViews(); redraw(["forecasts"]); });
    return button;
  }));
}

function redraw(names) {
  return Promise.all([...document.querySelectorAll(".chart")]
    .filter((chart) => (!names || names.includes(chart.dataset.figure)) && chart.offsetParent)
    .map((chart) => draw(
      chart,
      chart.dataset.figure === "forecasts" ? forecasts() : FIGURES[chart.dataset.figure])));
}

function setTheme(dark) {
  ROOT.dataset.theme = dark ? "dark" : "light";
  byId("theme").textContent = dark ? "Light" : "Dark";
  byId("theme").setAttribute("aria-pressed", String(dark));
  return redraw();
}

function sortBy(table, column, heading) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === ""); // missing values last
    const order = column ? Number(x) - Number(y) : x.localeCompare(y);
    return descending ? -order : order;
  });
  table.tBodies[0].replaceChildren(...rows);
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
}

for (const table of document.querySelectorAll(".sortable")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) =>
    heading.querySelector("button").addEventListener("click", () => sortBy(table, column, heading)));
}
byId("theme").addEventListener("click", () => setTheme(ROOT.dataset.theme !== "dark"));
DARK.addEventListener("change", (event) => setTheme(event.matches));
byId("series").addEventListener("change", () => { offerViews(); redraw(["forecasts"]); });
byId("bands").addEventListener("change", () => redraw(["forecasts"]));
byId("copy").addEventListener("click", () =>
  navigator.clipboard.writeText(document.querySelector("#settings code").textContent)
    .then(() => { byId("copy").textContent = "Copied"; }, () => {}));

// Paper is light, whatever the screen.
let before = null;
addEventListener("beforeprint", () => { before = ROOT.dataset.theme; setTheme(false); });
addEventListener("afterprint", () => setTheme(before === "dark"));

offerViews();
setTheme(DARK.matches).then(() => { ROOT.dataset.ready = "yes"; });
