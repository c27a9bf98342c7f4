// The grid of cells: draws a puzzle or an answer, moves a cursor by keys, and tells what is typed or painted.
import { paint } from "./fill.js";
import { isGiven, nameOf } from "./puzzle.js";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
/** A grid of any size is drawn as if it had so many columns at least, so that its cells do not become huge. */
const LEAST_ACROSS = 6;
const SVG = "http://www.w3.org/2000/svg";

export class Board {
  /**
   * @param {HTMLElement} host
   * @param {{write: (cell: number, token: number) => void, point: (words: string) => void}} told
   */
  constructor(host, told) {
    Object.assign(this, { host, told, cursor: 0, brush: null, editable: true, cells: [] });
    host.addEventListener("keydown", (event) => this.#key(event));
    host.addEventListener("pointerdown", (event) => this.#press(event));
    host.addEventListener("pointermove", (event) => this.#move(event));
    host.addEventListener("pointerleave", () => told.point(""));
    host.addEventListener("focusin", (event) => this.#focus(event));
  }

  /** Lay out the cells of a family, of one puzzle that is drawn, or as many rows and columns as there are to see. */
  layOut(model, drawing, cells, size = model.grid) {
    const { grid } = model, { rows, columns } = size;
    Object.assign(this, { model, grid, drawing, rows, columns, cursor: 0 });
    const nodes = drawing?.nodes.length ? drawing.nodes : null;
    this.nodes = nodes;
    this.lines = null;
    this.host.replaceChildren();
    this.host.className = `board${nodes ? " graph" : ""}${grid.solid.length && !nodes ? " painted" : ""}${grid.sized ? " sized" : ""}`;
    this.host.style.setProperty("--columns", nodes ? Math.max(8, Math.ceil(nodes.length * 0.62)) : columns);
    this.host.style.setProperty("--rows", nodes ? Math.max(8, Math.ceil(nodes.length * 0.62)) : rows);
    this.host.style.setProperty("--share", columns / Math.max(rows, columns, LEAST_ACROSS));
    const longest = Math.max(...grid.offered.map((token) => grid.symbols[token].length));
    this.host.style.setProperty("--size", Math.min(0.54, 1.3 / longest).toFixed(3));
    this.host.setAttribute("role", "grid");
    this.host.setAttribute("aria-label", nodes
      ? `Graph of ${nodes.length} nodes` : `Puzzle of ${rows} rows and ${columns} columns`);
    this.cells = new Array(grid.rows * grid.columns);
    if (nodes) this.#ring(nodes, drawing); else this.#rows(cells);
    if (nodes) this.cursor = nodes[0];
  }

  /** Draw cells: {start, cells, changed, clashes, confidence, pinned}. */
  show(view, editable) {
    const { grid } = this;
    this.view = view;
    this.editable = editable;
    this.host.setAttribute("aria-readonly", String(!editable));
    this.host.classList.toggle("editable", editable);
    this.cells.forEach((element, i) => {
      const token = view.cells[i];
      const kept = !grid.sized && isGiven(grid, view.start[i]) && view.start[i] === token;
      const empty = token === 0 || token === grid.blank || grid.clues.includes(token);
      const sure = kept || empty ? 1 : view.confidence?.[i] ?? 1;
      element.textContent = empty || grid.solid.includes(token) ? "" : grid.symbols[token];
      this.#extras(element, i);
      const marks = {
        given: kept, own: !kept && !empty, changed: view.changed?.has(i), clash: view.clashes?.has(i), pinned: view.pinned?.has(i),
        outside: token === 0 && !(editable && grid.padded),
      };
      for (const [name, holds] of Object.entries(marks)) element.classList.toggle(name, Boolean(holds));
      element.style.setProperty("--sure", sure.toFixed(2));
      element.style.setProperty("--fog", Math.sqrt(1 - sure).toFixed(2)); // a little doubt is seen, too
      paint(element, grid.fills[token]);
      element.setAttribute("aria-label", this.words(i));
    });
    this.lines?.forEach((line, i) => {
      const [a, b] = this.drawing.edges[i];
      line.classList.toggle("clash", view.cells[a] === view.cells[b] && isGiven(grid, view.cells[a]));
    });
    this.#points(this.cursor);
  }

  /** Say what is in a cell, and where it is. */
  words(i) {
    const { grid, view, nodes } = this;
    const token = view.cells[i];
    const where = nodes ? `node ${nodes.indexOf(i) + 1}`
      : `row ${Math.floor(i / grid.columns) + 1}, column ${(i % grid.columns) + 1}`;
    const given = !grid.sized && isGiven(grid, view.start[i]) && view.start[i] === token && !this.editable;
    const sure = view.confidence && !given && token ? `, ${Math.round(100 * view.confidence[i])} % sure` : "";
    const note = this.drawing?.notes[i] && !nodes ? `, sum ${this.drawing.notes[i]}` : "";
    return `${where}: ${nameOf(grid, token)}${note}${given ? ", given" : sure}` +
      `${view.changed?.has(i) ? ", changed" : ""}${view.clashes?.has(i) ? ", clashes" : ""}${view.pinned?.has(i) ? ", assumed" : ""}`;
  }

  /** Put the focus on the cursor. */
  focus() { this.cells[this.cursor]?.focus(); }

  #rows(start) {
    const { grid, drawing } = this;
    const [high, wide] = grid.box;
    const there = (y, x) => y >= 0 && x >= 0 && y < this.rows && x < this.columns
      && (grid.padded || start[y * grid.columns + x] !== 0);
    const region = (y, x) => there(y, x) ? drawing?.regions?.[y * grid.columns + x] ?? -1 : -1;
    for (let y = 0; y < this.rows; y++) {
      const row = document.createElement("div");
      row.setAttribute("role", "row");
      for (let x = 0; x < this.columns; x++) {
        const element = this.#cell(y * grid.columns + x);
        const thick = [["top", -1, 0, y, high], ["left", 0, -1, x, wide], ["bottom", 1, 0, y + 1, high],
          ["right", 0, 1, x + 1, wide]];
        for (const [side, v, u, at, size] of thick) {
          const edge = !there(y + v, x + u);
          if (!grid.sized && there(y, x) && (edge || (size && at % size === 0))) element.classList.add(`thick-${side}`);
        }
        if (region(y, x) >= 0) {
          element.cage = this.#cage(thick.filter(([, v, u]) => region(y, x) !== region(y + v, x + u)).map(([side]) => side));
        }
        row.append(element);
      }
      this.host.append(row);
    }
  }

  #ring(nodes, drawing) {
    const lines = document.createElementNS(SVG, "svg");
    lines.setAttribute("viewBox", "0 0 100 100");
    lines.setAttribute("aria-hidden", "true");
    const across = Math.max(8, Math.ceil(nodes.length * 0.62));
    const far = 50 - 95 / across;
    const at = new Map(nodes.map((node, i) => {
      const turn = (2 * Math.PI * i) / nodes.length;
      return [node, [50 + far * Math.sin(turn), 50 - far * Math.cos(turn)]];
    }));
    this.lines = drawing.edges.map(([a, b]) => {
      const line = document.createElementNS(SVG, "line");
      [["x1", at.get(a)[0]], ["y1", at.get(a)[1]], ["x2", at.get(b)[0]], ["y2", at.get(b)[1]]]
        .forEach(([name, value]) => line.setAttribute(name, value.toFixed(2)));
      lines.append(line);
      return line;
    });
    const row = document.createElement("div");
    row.setAttribute("role", "row");
    for (const node of nodes) {
      const element = this.#cell(node);
      element.style.setProperty("--x", `${at.get(node)[0]}%`);
      element.style.setProperty("--y", `${at.get(node)[1]}%`);
      row.append(element);
    }
    this.host.append(lines, row);
  }

  #cell(i) {
    const element = document.createElement("div");
    element.setAttribute("role", "gridcell");
    element.className = "cell";
    element.dataset.cell = i;
    element.tabIndex = -1;
    this.cells[i] = element;
    return element;
  }

  #extras(element, i) {
    if (element.cage) element.append(element.cage);
    const note = this.drawing?.notes[i];
    if (!note) return;
    const small = document.createElement("small");
    small.textContent = note;
    element.append(small);
  }

  /** Return the part of a dashed line around a cage that lies in one cell: on these sides, and on through the others. */
  #cage(sides) {
    const line = document.createElement("i");
    line.className = `cage ${sides.map((side) => `cage-${side}`).join(" ")}`;
    return line;
  }

  #points(i) {
    this.cells[this.cursor]?.setAttribute("tabindex", "-1");
    this.cursor = i;
    this.cells[i]?.setAttribute("tabindex", "0");
  }

  #focus(event) {
    const i = this.#at(event.target);
    if (i === null) return;
    this.#points(i);
    this.told.point(this.words(i));
  }

  #at(element) {
    const found = element?.closest?.("[data-cell]");
    return found && this.host.contains(found) ? Number(found.dataset.cell) : null;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.view) return;
    if (STEPS[event.key] || event.key === "Home" || event.key === "End") {
      event.preventDefault();
      this.#step(event.key);
      return;
    }
    if (!this.editable) return;
    const token = this.#typed(event.key);
    if (token === null) return;
    event.preventDefault();
    this.told.write(this.cursor, token);
  }

  #step(key) {
    const { rows, columns, grid } = this;
    let next = this.cursor;
    if (this.nodes) {
      const place = this.nodes.indexOf(this.cursor), forth = key === "ArrowRight" || key === "ArrowDown";
      next = this.nodes[(place + (forth ? 1 : this.nodes.length - 1)) % this.nodes.length];
    } else if (STEPS[key]) {
      const [v, u] = STEPS[key];
      const y = Math.floor(this.cursor / grid.columns) + v, x = (this.cursor % grid.columns) + u;
      if (y >= 0 && y < rows && x >= 0 && x < columns) next = y * grid.columns + x;
    } else {
      next = this.cursor - (this.cursor % grid.columns) + (key === "End" ? columns - 1 : 0);
    }
    this.cells[next]?.focus();
  }

  #typed(key) {
    const { grid } = this;
    if (key === "Enter") return this.brush;
    const named = (same) => grid.offered.find((token) => token !== 0 && same(grid.symbols[token]));
    const found = named((symbol) => symbol === key) ?? named((symbol) => symbol.toLowerCase() === key.toLowerCase());
    if (found !== undefined) return found;
    const erases = ["Backspace", "Delete", " ", "0", "."].includes(key);
    return erases ? grid.offered.at(grid.padded ? -1 : 0) : null;
  }

  #press(event) {
    const i = this.#at(event.target);
    if (i === null || event.button) return;
    this.cells[i].focus({ preventScroll: true });
    if (!this.editable || this.brush === null) return;
    event.preventDefault();
    this.cells[i].focus({ preventScroll: true });
    if (event.target.hasPointerCapture?.(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
    // a second click with the same brush takes it away again
    const again = this.view.cells[i] === this.brush && !this.grid.once.includes(this.brush) && !this.grid.sized;
    this.stroke = again ? this.grid.blank : this.brush;
    this.told.write(i, this.stroke);
  }

  #move(event) {
    const i = this.#at(document.elementFromPoint(event.clientX, event.clientY));
    this.told.point(i === null ? "" : this.words(i));
    const draws = event.buttons === 1 && this.editable && this.brush !== null && i !== null;
    if (draws && !this.grid.once.includes(this.stroke) && this.view.cells[i] !== this.stroke) {
      this.told.write(i, this.stroke);
    }
  }
}
