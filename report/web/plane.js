// One plane: architectures by effective depth and width, a box filter, and the one under the cursor.
"use strict";

const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const TOLERANCE = 1e-9;

function viridis(share) {
  const place = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const mix = VIRIDIS[low].map((v, i) => Math.round(v + (place - low) * (VIRIDIS[low + 1][i] - v)));
  return mix.join(",");
}

// Number -> NAS-Bench-201 string: one digit per edge, in the base of the number of operators.
function cellString(number, operators) {
  const digits = [...number.toString(operators.length).padStart(6, "0")];
  const rows = [1, 2, 3].map((target) => digits.splice(0, target)
    .map((digit, source) => `${operators[parseInt(digit, operators.length)]}~${source}`));
  return rows.map((names) => `|${names.join("|")}|`).join("+");
}

// An element with a text, which is never read as HTML.
function made(tag, text, settings = {}) {
  const element = Object.assign(document.createElement(tag), settings);
  element.textContent = text;
  return element;
}

class Plane {
  constructor(data, parent) {
    this.data = data;
    this.rows = data.topologies.map(([code, depth, width, paths, eigenvalue, cells, means]) =>
      ({ code, depth, width, paths, eigenvalue, cells, means }));
    this.held = false;
    this.element = document.createElement("div");
    this.element.className = "plane";
    this.element.id = `plane-${data.key}`;
    parent.append(this.element);
    this.element.innerHTML = this.template();
    this.name();
    if (data.named) this.withoutBox();
    this.bind();
    this.place();
    this.makeChart();
    this.reset();
    this.show(this.best());
  }

  find(name) {
    return this.element.querySelector(`[data-name="${name}"]`);
  }

  // Markup of this file alone; texts of the data are set by `name`.
  template() {
    const { range, key } = this.data;
    const slider = (name, label, [low, high], step) =>
      `<label><span>${label}</span><input type="range" data-name="${name}" min="${Number(low)}" ` +
      `max="${Number(high)}" step="${step}"><output data-name="${name}-shown"></output></label>`;
    return `<h3 data-name="title"></h3><p data-name="note"></p>
      <div class="controls"><label>Colour: <select data-name="accuracy"></select></label>
      <button type="button" data-name="reset">The paper's box, f = 1/2</button></div>
      <div class="sliders" role="group" data-name="sliders">
      ${slider("fraction", "size of the box, f", [0.05, 1], 0.05)}
      ${slider("depth", "middle depth", range.depth, 0.005)}
      ${slider("width", "middle width", range.width, 0.005)}</div>
      <p class="kept" aria-live="polite" data-name="kept"></p>
      <div class="split"><div><div class="chart" data-name="focus" tabindex="0" role="application"
        aria-describedby="plane-${key}-detail"><canvas
        data-name="canvas" aria-hidden="true"></canvas></div>
      <div class="scale"><span data-name="low"></span><i data-name="bar"></i><span
        data-name="high"></span></div></div>
      <div class="detail" id="plane-${key}-detail" aria-live="polite" data-name="detail"></div></div>`;
  }

  name() {
    const { title, note, accuracies } = this.data;
    this.find("title").textContent = title;
    this.find("note").textContent = note;
    for (const [place, name] of accuracies) this.find("accuracy").add(new Option(name, place));
    this.find("sliders").setAttribute("aria-label", `Box filter of ${title}`);
    this.find("focus").setAttribute("aria-label",
      `Plot of ${title}: arrow keys move from architecture to architecture`);
  }

  // Models have names, not codes, and their widths are powers of two: no rule has a box for them.
  withoutBox() {
    for (const name of ["reset", "sliders"]) this.find(name).hidden = true;
  }

  bind() {
    for (const name of ["fraction", "depth", "width"]) {
      this.find(name).addEventListener("input", () => this.filter());
    }
    this.find("accuracy").addEventListener("change", () => {
      this.place();
      this.recolour();
      this.count();
      this.show(this.best());
    });
    this.find("reset").addEventListener("click", () => this.reset());
    this.find("focus").addEventListener("keydown", (event) => this.key(event));
    this.find("canvas").addEventListener("click", () => this.find("focus").focus({ preventScroll: true }));
  }

  get accuracy() {
    return Number(this.find("accuracy").value);
  }

  // Dots in a sunflower around their depth and width, best in the middle.
  place() {
    const a = this.accuracy;
    const groups = new Map();
    for (const row of this.rows) {
      if (!row.depth || row.means[a] === null) continue;
      const key = `${row.depth.toFixed(9)} ${row.width.toFixed(9)}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    const sorted = [...groups.values()].sort((p, q) => p[0].depth - q[0].depth || p[0].width - q[0].width);
    const { depth, width } = this.data.range;
    this.points = sorted.flatMap((rows, group) =>
      rows.sort((p, q) => q.means[a] - p.means[a]).map((row, i) => ({
        x: row.depth + 0.0085 * (depth[1] - depth[0]) * Math.sqrt(i) * Math.cos(2.39996 * i),
        y: row.width + 0.0125 * (width[1] - width[0]) * Math.sqrt(i) * Math.sin(2.39996 * i),
        row, group,
      })));
    const values = this.points.map((point) => point.row.means[a]).sort((p, q) => p - q);
    this.scale = [values[Math.floor(0.02 * values.length)], values[values.length - 1]];
  }

  best() {
    const mean = (i) => this.points[i].row.means[this.accuracy];
    return this.points.reduce((best, _, i) => (mean(i) > mean(best) ? i : best), 0);
  }

  makeChart() {
    const box = { id: "box", beforeDatasetsDraw: (chart) => this.drawBox(chart) };
    const axis = (text) => ({ title: { display: true, text }, grid: {}, ticks: {} });
    this.chart = new Chart(this.find("canvas"), {
      type: "scatter",
      data: { datasets: [{ data: this.points, pointHoverRadius: 6 }] },
      plugins: [box],
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "nearest", intersect: false },
        onHover: (_, found) => found.length && this.hover(found[0].index),
        onClick: (_, found) => found.length && this.hold(found[0].index),
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: axis("effective depth"), y: axis(this.data.named ? "log2 effective width" : "effective width") },
      },
    });
    this.recolour();
  }

  // Takes the page's colours, which change between light and dark.
  recolour() {
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
    for (const axis of Object.values(this.chart.options.scales)) {
      axis.grid.color = colour("--line");
      axis.ticks.color = colour("--soft");
      axis.title.color = colour("--ink");
    }
    this.boxColour = colour("--orange");
    this.chart.data.datasets[0].data = this.points;
    this.chosenColour = colour("--ink");
    const stops = VIRIDIS.map((rgb) => `rgb(${rgb})`);
    this.find("bar").style.background = `linear-gradient(to right, ${stops})`;
    this.find("low").textContent = `${this.scale[0].toFixed(1)} % or less`;
    this.find("high").textContent = `${this.scale[1].toFixed(1)} %`;
    this.paint();
  }

  paint() {
    if (!this.chart) return;
    const [low, high] = this.scale;
    const set = this.chart.data.datasets[0];
    const chosen = (i) => i === this.chosen;
    set.pointBackgroundColor = this.points.map((point) => {
      const share = (point.row.means[this.accuracy] - low) / Math.max(high - low, 1e-12);
      return `rgba(${viridis(share)},${this.box && !this.inside(point.row) ? 0.25 : 1})`;
    });
    set.pointBorderColor = this.points.map((_, i) => (chosen(i) ? this.chosenColour : "transparent"));
    set.pointBorderWidth = this.points.map((_, i) => (chosen(i) ? 2.5 : 0));
    set.pointRadius = this.points.map((_, i) => (chosen(i) ? 7 : 3.2));
    this.chart.update("none");
  }

  drawBox(chart) {
    if (!this.box) return;
    const { x, y } = chart.scales;
    const { depth, width } = this.box;
    const left = x.getPixelForValue(depth[0]);
    const top = y.getPixelForValue(width[1]);
    chart.ctx.save();
    chart.ctx.strokeStyle = this.boxColour;
    chart.ctx.lineWidth = 2;
    chart.ctx.setLineDash([6, 4]);
    chart.ctx.strokeRect(left, top, x.getPixelForValue(depth[1]) - left,
      y.getPixelForValue(width[0]) - top);
    chart.ctx.restore();
  }

  inside(row) {
    const within = (value, [low, high]) => value >= low - TOLERANCE && value <= high + TOLERANCE;
    return row.depth > 0 && within(row.depth, this.box.depth) && within(row.width, this.box.width);
  }

  // The box rule with f = 1/2: the midrange, and half of the half-range. A slider would round the
  // middle to its step, so the middle itself is kept until a slider moves.
  reset() {
    if (this.data.named) {
      this.count();
      return;
    }
    this.find("fraction").value = 0.5;
    for (const name of ["depth", "width"]) {
      const [low, high] = this.data.range[name];
      this.find(name).value = (low + high) / 2;
    }
    this.middle = Object.fromEntries(["depth", "width"].map((name) => [name, this.find(name).value]));
    this.filter();
  }

  filter() {
    const fraction = Number(this.find("fraction").value);
    this.box = {};
    this.find("fraction-shown").textContent = fraction.toFixed(2);
    for (const name of ["depth", "width"]) {
      const [low, high] = this.data.range[name];
      const moved = this.find(name).value !== this.middle[name];
      const centre = moved ? Number(this.find(name).value) : (low + high) / 2;
      const radius = (fraction * (high - low)) / 2;
      this.box[name] = [centre - radius, centre + radius];
      this.find(`${name}-shown`).textContent = centre.toFixed(2);
    }
    this.count();
    this.paint();
  }

  count() {
    const a = this.accuracy;
    const known = this.rows.filter((row) => row.means[a] !== null);
    const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);
    const cells = (rows) => sum(rows, (row) => row.cells);
    const mean = (rows) => sum(rows, (row) => row.cells * row.means[a]) / cells(rows);
    const shown = this.find("kept");
    if (this.data.named) {
      shown.textContent = `${known.length} models; mean accuracy ${mean(known).toFixed(2)} %.`;
      return;
    }
    const kept = known.filter((row) => this.inside(row));
    const number = cells(kept);
    const average = number ? mean(kept).toFixed(2) : "";
    shown.dataset.cells = number;
    shown.dataset.mean = average;
    const what = this.data.cells ? "cells" : "topologies";
    shown.innerHTML = `<strong>${number.toLocaleString("en")}</strong> of ` +
      `${cells(known).toLocaleString("en")} ${what} stay; mean accuracy ` +
      `<strong>${average || "none"}${average && " %"}</strong>, of all ${mean(known).toFixed(2)} %.`;
  }

  hover(index) {
    if (!this.held && index !== this.chosen) this.show(index);
  }

  // A click holds an architecture, so that the way to its cells leads past others; a second click
  // on it, or Escape, lets go.
  hold(index) {
    this.held = !(this.held && index === this.chosen);
    this.show(index);
  }

  show(index) {
    this.chosen = Math.min(Math.max(index, 0), this.points.length - 1);
    const { row } = this.points[this.chosen];
    const a = this.accuracy;
    const cells = this.cells(row);
    const eigenvalue = row.eigenvalue === null ? "none" : row.eigenvalue.toPrecision(3);
    const several = row.cells > 1 ? `mean accuracy of ${row.cells} cells` : "accuracy";
    const detail = this.find("detail");
    const { named } = this.data;
    detail.innerHTML = named ? "" : Dag.draw(Dag.parse(row.code), `DAG ${row.code}`);
    const numbers = made("dl", "", { className: "numbers" });
    const kernel = ["lambda_min (NNGP, digits)", eigenvalue, "eigenvalue"];
    for (const [label, value, name] of [
      [named ? "model" : "code", row.code, "code"], ["depth", row.depth.toPrecision(3), "at-depth"],
      [named ? "log2 width" : "width", row.width.toPrecision(3), "at-width"],
      ["paths", row.paths, "paths"], ...(named ? [] : [kernel]),
      [several, `${row.means[a].toFixed(2)} %`, "at-accuracy"]]) {
      const pair = made("div", "");
      const shown = made("dd", value);
      shown.dataset.name = name;
      pair.append(made("dt", label), shown);
      numbers.append(pair);
    }
    detail.append(numbers);
    if (cells.length) this.offer(cells, detail);
    const held = this.held ? "Held: click it again, or press Escape, to let go." : "";
    detail.append(made("p", held, { className: "held" }));
    this.paint();
  }

  // The cells of a wiring, best first, to choose one of.
  offer(cells, detail) {
    const cell = made("p", cells[0][0], { className: "cell" });
    cell.dataset.name = "cell";
    const label = made("label", "Its cells");
    const select = made("select", "");
    select.setAttribute("aria-label", "Cells of this wiring");
    for (const [text, accuracy] of cells) {
      select.add(new Option(`${accuracy === null ? "" : `${accuracy.toFixed(2)} % `}${text}`));
    }
    select.addEventListener("change", () => { cell.textContent = cells[select.selectedIndex][0]; });
    label.append(select);
    detail.append(cell, label);
  }

  // [string, accuracy or null] of a wiring's cells, best first.
  cells(row) {
    const { cells, operators } = this.data;
    const a = this.accuracy + 1;
    return (cells?.[row.code] ?? []).map((cell) => [cellString(cell[0], operators), cell[a]])
      .sort((p, q) => (q[1] ?? -1) - (p[1] ?? -1));
  }

  key(event) {
    const last = this.points.length - 1;
    const group = this.points[this.chosen].group;
    const jump = (to) => this.points.findIndex((point) => point.group === to);
    const moves = {
      ArrowRight: this.chosen + 1, ArrowDown: this.chosen + 1,
      ArrowLeft: this.chosen - 1, ArrowUp: this.chosen - 1,
      PageDown: Math.max(jump(group + 1), jump(group)), PageUp: Math.max(jump(group - 1), 0),
      Home: 0, End: last,
    };
    if (event.key === "Escape") {
      this.held = false;
      this.show(this.chosen);
    }
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.held = true;
    this.show(moves[event.key]);
  }
}
