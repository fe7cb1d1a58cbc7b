// One plane: architectures by effective depth and width, a box filter, and the one under the cursor.
"use strict";

const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const TOLERANCE = 1e-9;
const AXES = ["depth", "width"];
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

// A text of the data, for innerHTML.
const escaped = (text) => String(text).replace(/[&<>"]/g, (char) => ESCAPES[char]);

// One of the page's colours, which change between light and dark.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

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

class Plane {
  constructor(data, parent) {
    this.data = data;
    this.rows = data.topologies.map(([code, depth, width, paths, eigenvalue, cells, means]) =>
      ({ code, depth, width, paths, eigenvalue, cells, means }));
    this.held = false;
    const element = Object.assign(document.createElement("div"),
      { className: "plane", id: `plane-${data.key}`, innerHTML: this.template() });
    parent.append(element);
    const named = [...element.querySelectorAll("[data-name]")];
    this.parts = Object.fromEntries(named.map((part) => [part.dataset.name, part]));
    this.bind();
    this.place();
    this.makeChart();
    this.reset();
    this.show(this.best());
  }

  // Models have names, not codes, and their widths are powers of two: no rule has a box for them.
  template() {
    const { range, key, title, note, accuracies, named } = this.data;
    const hidden = named ? "hidden" : "";
    const name = escaped(title);
    const slider = (name, label, [low, high], step) =>
      `<label><span>${label}</span><input type="range" data-name="${name}" min="${Number(low)}" ` +
      `max="${Number(high)}" step="${step}"><output data-name="${name}-shown"></output></label>`;
    const options = accuracies.map(([i, text]) => `<option value="${i}">${escaped(text)}</option>`);
    return `<h3>${name}</h3><p>${escaped(note)}</p>
      <div class="controls"><label>Colour: <select data-name="accuracy">${options.join("")}</select></label>
      <button type="button" data-name="reset" ${hidden}>The paper's box, f = 1/2</button></div>
      <div class="sliders" role="group" data-name="sliders" aria-label="Box filter of ${name}" ${hidden}>
      ${slider("fraction", "size of the box, f", [0.05, 1], 0.05)}
      ${slider("depth", "middle depth", range.depth, "any")}
      ${slider("width", "middle width", range.width, "any")}</div>
      <p class="kept" aria-live="polite" data-name="kept"></p>
      <div class="split"><div><div class="chart" data-name="focus" tabindex="0" role="application"
        aria-label="Plot of ${name}: arrow keys move from architecture to architecture"
        aria-describedby="plane-${key}-detail"><canvas
        data-name="canvas" aria-hidden="true"></canvas></div>
      <div class="scale"><span data-name="low"></span><i
        style="background: linear-gradient(to right, ${VIRIDIS.map((rgb) => `rgb(${rgb})`)})"></i><span
        data-name="high"></span></div></div>
      <div class="detail" id="plane-${key}-detail" aria-live="polite" data-name="detail"></div></div>`;
  }

  bind() {
    const on = (name, event, act) => this.parts[name].addEventListener(event, act);
    for (const name of ["fraction", ...AXES]) on(name, "input", () => this.filter());
    on("reset", "click", () => this.reset());
    on("focus", "keydown", (event) => this.key(event));
    on("canvas", "click", () => this.parts.focus.focus({ preventScroll: true }));
    on("detail", "change", ({ target }) => {
      this.parts.detail.querySelector(".cell").textContent = target.value;
    });
    on("accuracy", "change", () => {
      this.place();
      this.chart.data.datasets[0].data = this.points;
      this.count();
      this.show(this.best());
    });
  }

  mean(row) {
    return row.means[Number(this.parts.accuracy.value)];
  }

  // Dots in a sunflower around their depth and width, best in the middle.
  place() {
    const groups = new Map();
    for (const row of this.rows) {
      if (!row.depth || this.mean(row) === null) continue;
      const key = `${row.depth.toFixed(9)} ${row.width.toFixed(9)}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    const sorted = [...groups.values()].sort((p, q) => p[0].depth - q[0].depth || p[0].width - q[0].width);
    const { depth, width } = this.data.range;
    this.points = sorted.flatMap((rows, group) =>
      rows.sort((p, q) => this.mean(q) - this.mean(p)).map((row, i) => ({
        x: row.depth + 0.0085 * (depth[1] - depth[0]) * Math.sqrt(i) * Math.cos(2.39996 * i),
        y: row.width + 0.0125 * (width[1] - width[0]) * Math.sqrt(i) * Math.sin(2.39996 * i),
        row, group,
      })));
    const values = this.points.map(({ row }) => this.mean(row)).sort((p, q) => p - q);
    this.scale = [values[Math.floor(0.02 * values.length)], values[values.length - 1]];
    this.parts.low.textContent = `${this.scale[0].toFixed(1)} % or less`;
    this.parts.high.textContent = `${this.scale[1].toFixed(1)} %`;
  }

  best() {
    const mean = (i) => this.mean(this.points[i].row);
    return this.points.reduce((best, _, i) => (mean(i) > mean(best) ? i : best), 0);
  }

  makeChart() {
    const wide = this.data.named ? "log2 effective width" : "effective width";
    const chosen = (yes, no) => ({ dataIndex }) => (dataIndex === this.chosen ? yes() : no);
    const axis = (text) => ({
      title: { display: true, text, color: () => css("--ink") },
      grid: { color: () => css("--line") },
      ticks: { color: () => css("--soft") },
    });
    this.chart = new Chart(this.parts.canvas, {
      type: "scatter",
      data: { datasets: [{
        data: this.points,
        pointBackgroundColor: ({ dataIndex }) => this.colour(this.points[dataIndex]),
        pointBorderColor: chosen(() => css("--ink"), "transparent"),
        pointBorderWidth: chosen(() => 2.5, 0),
        pointRadius: chosen(() => 7, 3.2),
        pointHoverRadius: 6,
      }] },
      plugins: [{ id: "box", beforeDatasetsDraw: (chart) => this.drawBox(chart) }],
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "nearest", intersect: false },
        onHover: (_, found) => found.length && this.hover(found[0].index),
        onClick: (_, found) => found.length && this.hold(found[0].index),
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: axis("effective depth"), y: axis(wide) },
      },
    });
  }

  paint() {
    this.chart.update("none");
  }

  colour(point) {
    if (!point) return "transparent"; // Chart.js asks for the whole set's colour too
    const [low, high] = this.scale;
    const share = (this.mean(point.row) - low) / Math.max(high - low, 1e-12);
    return `rgba(${viridis(share)},${this.box && !this.inside(point.row) ? 0.25 : 1})`;
  }

  drawBox({ ctx, scales: { x, y } }) {
    if (!this.box) return;
    const [left, right] = this.box.depth.map((value) => x.getPixelForValue(value));
    const [bottom, top] = this.box.width.map((value) => y.getPixelForValue(value));
    ctx.save();
    Object.assign(ctx, { strokeStyle: css("--orange"), lineWidth: 2 });
    ctx.setLineDash([6, 4]);
    ctx.strokeRect(left, top, right - left, bottom - top);
    ctx.restore();
  }

  inside(row) {
    const within = (value, [low, high]) => value >= low - TOLERANCE && value <= high + TOLERANCE;
    return row.depth > 0 && AXES.every((name) => within(row[name], this.box[name]));
  }

  // The box rule with f = 1/2: the midrange, and half of the half-range.
  reset() {
    if (this.data.named) {
      this.count();
      return;
    }
    this.parts.fraction.value = 0.5;
    for (const name of AXES) {
      const [low, high] = this.data.range[name];
      this.parts[name].value = (low + high) / 2;
    }
    this.filter();
  }

  filter() {
    const fraction = Number(this.parts.fraction.value);
    this.parts["fraction-shown"].textContent = fraction.toFixed(2);
    this.box = Object.fromEntries(AXES.map((name) => {
      const [low, high] = this.data.range[name];
      const centre = Number(this.parts[name].value);
      const radius = (fraction * (high - low)) / 2;
      this.parts[`${name}-shown`].textContent = centre.toFixed(2);
      return [name, [centre - radius, centre + radius]];
    }));
    this.count();
    this.paint();
  }

  count() {
    const known = this.rows.filter((row) => this.mean(row) !== null);
    const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);
    const cells = (rows) => sum(rows, (row) => row.cells);
    const mean = (rows) => `${(sum(rows, (row) => row.cells * this.mean(row)) / cells(rows)).toFixed(2)} %`;
    if (this.data.named) {
      this.parts.kept.textContent = `${known.length} models; mean accuracy ${mean(known)}.`;
      return;
    }
    const kept = known.filter((row) => this.inside(row));
    const average = kept.length ? mean(kept) : "none";
    this.parts.kept.innerHTML = `<strong>${cells(kept).toLocaleString("en")}</strong> of ` +
      `${cells(known).toLocaleString("en")} ${this.data.cells ? "cells" : "topologies"} stay; ` +
      `mean accuracy <strong>${average}</strong>, of all ${mean(known)}.`;
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
    const { named } = this.data;
    const eigenvalue = row.eigenvalue === null ? "none" : row.eigenvalue.toPrecision(3);
    const numbers = [
      [named ? "model" : "code", row.code, "code"], ["depth", row.depth.toPrecision(3), "at-depth"],
      [named ? "log2 width" : "width", row.width.toPrecision(3), "at-width"],
      ["paths", row.paths, "paths"],
      ...(named ? [] : [["lambda_min (NNGP, digits)", eigenvalue, "eigenvalue"]]),
      [row.cells > 1 ? `mean accuracy of ${row.cells} cells` : "accuracy",
        `${this.mean(row).toFixed(2)} %`, "at-accuracy"]];
    const pairs = numbers.map(([label, value, name]) =>
      `<div><dt>${label}</dt><dd data-name="${name}">${escaped(value)}</dd></div>`);
    this.parts.detail.innerHTML = (named ? "" : Dag.draw(Dag.parse(row.code), `DAG ${row.code}`)) +
      `<dl class="numbers">${pairs.join("")}</dl>${this.cells(row)}<p class="held">` +
      `${this.held ? "Held: click it again, or press Escape, to let go." : ""}</p>`;
    this.paint();
  }

  // The cells of a wiring, best first, to choose one of.
  cells(row) {
    const { cells, operators } = this.data;
    if (!cells?.[row.code]) return "";
    const place = Number(this.parts.accuracy.value) + 1;
    const sorted = cells[row.code].map((cell) => [cellString(cell[0], operators), cell[place]])
      .sort((p, q) => (q[1] ?? -1) - (p[1] ?? -1));
    const options = sorted.map(([text, accuracy]) => `<option value="${text}">` +
      `${accuracy === null ? "" : `${accuracy.toFixed(2)} % `}${text}</option>`);
    return `<p class="cell" data-name="cell">${sorted[0][0]}</p><label>Its cells` +
      `<select aria-label="Cells of this wiring">${options.join("")}</select></label>`;
  }

  key(event) {
    const { group } = this.points[this.chosen];
    const jump = (to) => this.points.findIndex((point) => point.group === to);
    const moves = {
      ArrowRight: this.chosen + 1, ArrowDown: this.chosen + 1,
      ArrowLeft: this.chosen - 1, ArrowUp: this.chosen - 1,
      PageDown: Math.max(jump(group + 1), jump(group)), PageUp: Math.max(jump(group - 1), 0),
      Home: 0, End: this.points.length - 1, Escape: this.chosen,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.held = event.key !== "Escape";
    this.show(moves[event.key]);
  }
}
