// What is shown of a task: its demonstrations, each input beside its output, and its tests.
import { paint } from "./fill.js";
import { cellsOf, sizeOf } from "./puzzle.js";

const SVG = "http://www.w3.org/2000/svg";
/** Height of a small picture in rem, and the largest of one of its cells. */
const HIGH = 7, CELL = 1.4;

/** Draw the demonstrations of a task. */
export function drawPairs(host, grid, { demonstrations }) {
  host.replaceChildren(...demonstrations.map(({ input, output }, i) => {
    const pair = document.createElement("div"), arrow = document.createElement("span");
    pair.className = "pair";
    arrow.textContent = "\u2192";
    arrow.setAttribute("aria-hidden", "true");
    pair.append(picture(grid, input, `Input ${i + 1}`), arrow, picture(grid, output, `Output ${i + 1}`));
    return pair;
  }));
  host.scrollLeft = 0;
}

/** Return a small picture of a grid; its rows are read out by their symbols. */
export function picture(grid, text, name) {
  const cells = cellsOf(grid, text), { rows, columns } = sizeOf(grid, cells);
  const svg = document.createElementNS(SVG, "svg"), places = new Map();
  cells.forEach((token, i) => {
    if (token) places.set(token, `${places.get(token) ?? ""}M${i % grid.columns} ${Math.floor(i / grid.columns)}h1v1h-1z`);
  });
  for (const [token, path] of places) {
    const part = document.createElementNS(SVG, "path");
    part.setAttribute("d", path);
    paint(part, grid.fills[token]);
    svg.append(part);
  }
  const cell = Math.min(CELL, HIGH / Math.max(rows, 1));
  svg.setAttribute("class", "thumb");
  svg.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
  svg.setAttribute("width", `${(cell * columns).toFixed(2)}rem`);
  svg.setAttribute("height", `${(cell * rows).toFixed(2)}rem`);
  svg.setAttribute("role", "img");
  const spoken = JSON.parse(text).map((row) => row.join(" ")).join("; ");
  svg.setAttribute("aria-label", `${name}, ${rows} by ${columns}: ${spoken}`);
  return svg;
}
