// DAG codes: reading, measures (Def. 4.1), Eq. 12, drawing. The same as the project's room dag/.
"use strict";

const Dag = (() => {
  const MOST_NODES = 48; // 2^46 paths at most: counts stay exact
  const OPS = ["zero", "skip-edge", "linear"];

  // Code -> {code, nodes, edges: [source, target, op]}, op 1 skip, 2 linear; throws an Error.
  function parse(text) {
    const code = text.trim();
    if (!code) throw new Error("found no rows, expected a code such as 2_02_002");
    const rows = code.split("_");
    if (rows.length >= MOST_NODES) {
      throw new Error(`found ${rows.length} rows, expected at most ${MOST_NODES - 1}`);
    }
    const edges = [];
    let start = 0;
    rows.forEach((row, index) => {
      const number = index + 1;
      const foreign = [...row].find((char) => !"012".includes(char));
      if (foreign !== undefined) {
        throw pointed(code, start + row.indexOf(foreign),
          `row ${number}: found '${foreign}', expected a digit 0 (zero), 1 (skip) or 2 (linear)`);
      }
      if (row.length !== number) {
        const digits = `${number} digit${number === 1 ? "" : "s"}`;
        const found = row ? `${row.length} digits '${row}'` : "an empty row";
        throw pointed(code, start + Math.min(row.length, number),
          `row ${number}: found ${found}, expected ${digits}, one for each earlier node`);
      }
      [...row].forEach((digit, source) => {
        if (digit !== "0") edges.push([source, number, Number(digit)]);
      });
      start += row.length + 1;
    });
    return { code, nodes: rows.length + 1, edges };
  }

  function pointed(code, position, message) {
    return new Error(`${message}\n${code}\n${" ".repeat(position)}^`);
  }

  // Number of paths by their number of linear operations, at the output.
  function histogram(dag) {
    const counts = Array.from({ length: dag.nodes }, () => []);
    counts[0] = [1];
    for (const [source, target, op] of dag.edges) {
      counts[source].forEach((count, d) => {
        const slot = d + (op === 2 ? 1 : 0);
        counts[target][slot] = (counts[target][slot] || 0) + count;
      });
    }
    return Array.from(counts[dag.nodes - 1], (count) => count || 0);
  }

  // Def. 4.1; depth and width are 0 where no path has a linear operation.
  function measures(dag) {
    const counts = histogram(dag);
    const paths = counts.reduce((a, b) => a + b, 0);
    const sum = counts.reduce((total, count, d) => total + d * count, 0);
    if (!sum) return { paths, depth: 0, width: 0 };
    return { paths, depth: sum / paths, width: ((paths - counts[0]) * paths) / sum };
  }

  function kappa1(r) {
    const rho = Math.abs(r) > 1 - 64 * Number.EPSILON ? Math.sign(r) : r;
    return Math.sqrt((1 - rho) * (1 + rho)) / Math.PI + rho * (1 - Math.acos(rho) / Math.PI);
  }

  // Eq. 12: P - sum over paths of the d-fold kappa1 of the largest cosine; null without a path.
  function bound(dag, cosine) {
    const counts = histogram(dag);
    let value = cosine;
    let missing = 0;
    for (const count of counts) {
      missing += count * (1 - value);
      value = kappa1(value);
    }
    return counts.some((count) => count) ? missing : null;
  }

  // SVG of a DAG: neighbours straight, longer edges as arcs, even sources above the line.
  function draw(dag, label) {
    const gap = dag.nodes > 8 ? 62 : 92;
    const rise = (span) => (span === 1 ? 0 : 20 + 17 * span);
    const most = Math.max(40, ...dag.edges.map(([s, t]) => rise(t - s) / 2 + 16));
    const height = 2 * most;
    const parts = [];
    const drawn = new Set(dag.edges.map(([s, t]) => `${s} ${t}`));
    if (dag.nodes <= 8) {
      for (let t = 1; t < dag.nodes; t++) {
        for (let s = 0; s < t; s++) if (!drawn.has(`${s} ${t}`)) parts.push(edge(s, t, 0));
      }
    }
    for (const [s, t, op] of dag.edges) parts.push(edge(s, t, op));
    for (let node = 0; node < dag.nodes; node++) {
      const x = 24 + gap * node;
      parts.push(`<circle cx="${x}" cy="${most}" r="15"/><text x="${x}" y="${most}">${node}</text>`);
    }
    const width = 48 + gap * (dag.nodes - 1);
    return `<svg class="dag" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" ` +
      `width="${width}" height="${height}">${parts.join("")}</svg>`;

    function edge(s, t, op) {
      const up = (s % 2 === 0 ? -1 : 1) * rise(t - s);
      const [x0, x1, middle] = [24 + gap * s, 24 + gap * t, 24 + (gap * (s + t)) / 2];
      const angle1 = Math.atan2(up, middle - x1);
      const away = (x, angle, r) => [x + r * Math.cos(angle), most + r * Math.sin(angle)];
      const [fromX, fromY] = away(x0, Math.atan2(up, middle - x0), 16);
      const [endX, endY] = away(x1, angle1, 24);
      const [sideX, sideY] = [5 * Math.sin(angle1), -5 * Math.cos(angle1)];
      const head = [away(x1, angle1, 16), [endX + sideX, endY + sideY], [endX - sideX, endY - sideY]];
      const shown = (...values) => values.map((v) => v.toFixed(1)).join(",");
      const points = head.map((point) => shown(...point)).join(" ");
      const path = `M${shown(fromX, fromY)} Q${middle},${most + up} ${shown(endX, endY)}`;
      return `<path class="edge ${OPS[op]}" d="${path}"/>` +
        `<polygon class="head-${OPS[op]}" points="${points}"/>`;
    }
  }

  return { parse, histogram, measures, bound, draw };
})();
