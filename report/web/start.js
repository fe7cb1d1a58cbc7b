// Fills the page: the field for a DAG code, and a plane for each space.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const field = (id) => document.getElementById(id);

  function describe() {
    const error = field("code-error");
    const outputs = ["dag-depth", "dag-width", "dag-paths", "dag-bound"];
    try {
      const dag = Dag.parse(field("code").value);
      const { depth, width, paths } = Dag.measures(dag);
      const cosine = Number(field("cosine").value);
      const valid = field("cosine").value !== "" && Math.abs(cosine) <= 1;
      const bound = valid ? Dag.bound(dag, cosine) : null;
      error.textContent = valid ? "" : "cosine: expected a number from -1 to 1";
      field("code").removeAttribute("aria-invalid");
      field("dag-drawing").innerHTML = Dag.draw(dag, `DAG ${dag.code}`);
      const shown = [short(depth), short(width), paths.toLocaleString("en"),
        bound === null ? "none" : short(bound)];
      outputs.forEach((id, i) => { field(id).textContent = shown[i]; });
    } catch (problem) {
      field("code").setAttribute("aria-invalid", "true");
      const [message, ...pointer] = problem.message.split("\n");
      error.innerHTML = `${escaped(message)}\n<code>${escaped(pointer.join("\n"))}</code>`;
      outputs.forEach((id) => { field(id).textContent = ""; });
      field("dag-drawing").innerHTML = "";
    }
  }

  function short(value) {
    return value === 0 ? "0" : String(Number(value.toPrecision(6)));
  }

  function offerImages() {
    const select = field("images");
    for (const name of Object.keys(data.cosines)) select.add(new Option(name));
    select.add(new Option("my own images"));
    const take = () => {
      const cosine = data.cosines[select.value];
      if (cosine !== undefined) field("cosine").value = Number(cosine.toFixed(9));
      describe();
    };
    field("cosine").value = 0.9;
    select.addEventListener("change", take);
    field("cosine").addEventListener("input", () => {
      select.selectedIndex = select.options.length - 1;
      describe();
    });
    take();
  }

  field("code").addEventListener("input", describe);
  offerImages();
  const planes = data.planes.map((plane) => new Plane(plane, field("plane-list")));
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => planes.forEach((plane) => plane.paint()));
})();
