// The page: one puzzle of one model, either being edited or being watched.
import * as backend from "./backend.js";
import { Board } from "./board.js";
import { drawCurve, percent } from "./curve.js";
import { paint } from "./fill.js";
import { addressOf, copied, fromAddress } from "./link.js";
import { Player } from "./player.js";
import { cellsOf, clashes, emptyPuzzle, isGiven, nameOf, resized, sizeOf, written } from "./puzzle.js";
import { Refusal } from "./refusal.js";
import { drawPairs, picture } from "./task.js";
import { legendOf, verdictOf } from "./words.js";

const part = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** What is shown. steps[0] is the puzzle, steps[n] the answer after segment n. */
const app = { models: [], model: null, task: null, puzzle: null, drawing: null, steps: [], examples: {}, busy: null };

const board = new Board(part("board"), { write, point: (words) => { part("cell").textContent = words || "\u00a0"; } });
const player = new Player(part("slider"), part("play"), showMoment);

// ---- a model and a puzzle

function chooseModel(model) {
  Object.assign(app, { model, task: null });
  part("model").value = model.name;
  const { grid } = model;
  part("facts").textContent = [
    grid.drawn ? model.puzzle : grid.sized ? `${model.puzzle.replace(/-\d+x\d+$/, "")}, up to ${grid.rows}×${grid.columns}` : `${grid.rows}×${grid.columns} ${model.puzzle.replace(/-?\d+x\d+$/, "")}`,
    `${model.parameters.toLocaleString("en-US")} parameters`,
    model.checked ? "answers are checked" : "answers are not checked",
  ].join(" · ");
  part("task").replaceChildren(...(model.tasks ?? []).map((name) => new Option(name, name)));
  for (const element of [part("task"), part("task").previousElementSibling]) element.hidden = !model.tasks?.length;
  part("shown").hidden = true;
  part("tests").hidden = true;
  part("size").hidden = !grid.sized;
  [part("rows").max, part("columns").max] = [grid.rows, grid.columns];
  part("effort").replaceChildren(...model.efforts.map(([value, words]) => new Option(words, value)));
  for (const element of [part("effort"), part("effort").previousElementSibling]) {
    element.hidden = model.efforts.length < 2;
  }
  const painted = grid.solid.length > 0 && !grid.drawn;
  board.brush = painted ? grid.solid.find((token) => grid.offered.includes(token)) ?? grid.offered[1] : null;
  part("hint").textContent = grid.drawn ? "This kind of puzzle is written as text."
    : grid.sized ? "Choose a color and draw, or choose a cell and type 0 to 9. Arrow keys move; Enter draws."
    : painted ? "Choose what to draw, then click or drag on the grid. By keyboard: arrow keys, Enter draws."
      : "Choose a cell and type. Arrow keys move.";
  part("clear").hidden = grid.drawn;
  part("symbols").hidden = grid.drawn;
  const offered = painted ? grid.offered : [...grid.offered.slice(1), grid.offered[0]];
  part("symbols").replaceChildren(...(grid.drawn ? [] : offered.map((token) => symbolButton(token, painted))));
  part("symbols").classList.toggle("keyed", grid.sized);
  const across = grid.sized ? Math.ceil(offered.length / 2) : painted ? 2 : offered.length <= 6 ? offered.length : offered.length <= 12 ? Math.ceil(offered.length / 2) : 0;
  if (!across) part("symbols").lastElementChild?.classList.add("wide");
  if (across) part("symbols").style.setProperty("--across", across); else part("symbols").style.removeProperty("--across");
  part("source").textContent = "";
  openText(grid.drawn);
}

function symbolButton(token, painted) {
  const { grid } = app.model;
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.token = token;
  const wordy = painted || token === 0 || token === grid.blank;
  if (grid.sized) button.title = nameOf(grid, token);
  if (grid.sized) button.setAttribute("aria-label", `${grid.symbols[token]}: ${nameOf(grid, token)}`);
  else button.textContent = wordy ? (token === grid.blank && !painted ? "erase" : nameOf(grid, token)) : grid.symbols[token];
  if (wordy && painted) {
    const sample = document.createElement("span");
    sample.className = "sample";
    sample.textContent = grid.solid.includes(token) && !grid.sized ? "" : grid.symbols[token];
    paint(sample, grid.fills[token]);
    button.prepend(sample);
  }
  if (painted) button.setAttribute("aria-pressed", String(board.brush === token));
  button.addEventListener("click", () => {
    if (!painted) {
      write(board.cursor, token);
      return;
    }
    board.brush = token;
    for (const other of part("symbols").children) other.setAttribute("aria-pressed", String(other === button));
  });
  return button;
}

function setPuzzle(puzzle, drawing = null, source = "") {
  Object.assign(app, { puzzle: { ...puzzle, task: app.task?.task }, drawing, steps: [] });
  part("source").textContent = source;
  edit();
}

/** Lay out the board; where grids may have any size, so that all of these fit. */
function layOut(shown) {
  const { model, drawing, puzzle } = app, sizes = model.grid.sized ? shown.map(({ cells }) => sizeOf(model.grid, cells)) : [];
  const most = (name) => Math.max(1, ...sizes.map((size) => size[name]));
  board.layOut(model, drawing, puzzle.cells, sizes.length ? { rows: most("rows"), columns: most("columns") } : undefined);
}

function resize() {
  const { grid } = app.model;
  const wanted = (id) => Math.min(Number(part(id).max), Math.max(1, Math.round(Number(part(id).value)) || 1));
  setPuzzle(resized(grid, app.puzzle, wanted("rows"), wanted("columns")));
}

/** Show a task of a model that knows tasks; without a task that was asked for, the first one. */
async function showTask(name) {
  const { model } = app;
  if (!model.tasks.includes(name)) throw new Refusal(-1, `The link asks for the task ${name}, which ${model.name} does not know.`);
  const task = app.task?.task === name ? app.task : await backend.task(model, name);
  if (model !== app.model) return;
  app.task = task;
  part("task").value = name;
  part("shown").hidden = false;
  part("pairs").hidden = !task.demonstrations.length;
  drawPairs(part("pairs"), model.grid, task);
  part("shown-source").textContent = task.source;
  part("tests").hidden = !task.tests.length;
  part("tests").replaceChildren(...task.tests.map(({ input }, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Test ${i + 1}`;
    button.addEventListener("click", () => setPuzzle(gridOf(input), null, `Held-out test ${i + 1} of ${name}. ${task.source}`));
    return button;
  }));
}

const gridOf = (text) => ({ text, cells: cellsOf(app.model.grid, text) });

/** Show a task with the first of its tests, or an empty grid. */
async function chooseTask(name) {
  await showTask(name);
  if (app.task.tests.length) part("tests").firstElementChild.click();
  else setPuzzle(emptyPuzzle(app.model.grid), null, "This task has no held-out test: draw a grid.");
}

function write(cell, token) {
  if (app.busy || app.model.grid.drawn || (app.puzzle.cells[cell] === 0 && !app.model.grid.padded)) return;
  app.puzzle = written(app.model.grid, app.puzzle, cell, token);
  part("source").textContent = "";
  complain(null);
  showPuzzle();
  part("cell").textContent = board.words(cell);
  part("status").textContent = board.words(cell);
}

function showPuzzle() {
  const { cells } = app.puzzle;
  const wrong = clashes(app.model, app.drawing, cells, cells);
  board.show({ start: cells, cells, clashes: wrong }, !app.model.grid.drawn);
  if (document.activeElement !== part("text")) part("text").value = app.puzzle.text;
  if (app.model.grid.sized) ({ rows: part("rows").value, columns: part("columns").value } = sizeOf(app.model.grid, cells));
  part("shared").textContent = "";
  part("link").hidden = true;
  history.replaceState(null, "", addressOf(app.model, app.puzzle));
}

async function readText(text, source = "") {
  const { model, puzzle } = app;
  const read = await backend.read(model, text);
  if (model !== app.model || puzzle !== app.puzzle || app.busy) return; // something else was done meanwhile
  const cells = model.grid.sized ? cellsOf(model.grid, read.puzzle) : read.cells; // without the marks where it ends
  setPuzzle({ text: read.puzzle, cells }, app.model.grid.drawn || read.regions ? read : null, source);
}

async function randomPuzzle() {
  const { model, puzzle } = app;
  if (!app.examples[model.name]) part("source").textContent = "Making puzzles …";
  const found = (app.examples[model.name] ??= await backend.examples(model));
  if (model !== app.model || puzzle !== app.puzzle || app.busy) return;
  if (!found.puzzles.length) {
    if (model.tasks?.length && !app.task) await chooseTask(model.tasks[0]);
    part("source").textContent = found.source;
    return;
  }
  const others = found.puzzles.filter((text) => text !== app.puzzle?.text);
  const chosen = others[Math.floor(Math.random() * others.length)] ?? found.puzzles[0];
  const number = found.puzzles.indexOf(chosen);
  if (found.tasks?.length) await showTask(found.tasks[number]);
  await readText(chosen, `Held-out puzzle ${number + 1}. ${found.source}`);
}

function openText(open) {
  part("paste").hidden = !open;
  part("as-text").setAttribute("aria-expanded", String(open));
  part("as-text").hidden = app.model.grid.drawn;
}

// ---- editing and watching

function edit() {
  player.rest();
  complain(null);
  part("edit").hidden = false;
  part("watch").hidden = true;
  document.body.classList.remove("watching");
  if (app.model.grid.sized || !app.steps.length) layOut([app.puzzle]);
  showPuzzle();
}

async function solve(effort) {
  if (app.busy) {
    app.busy.abort();
    return;
  }
  const { model, puzzle, drawing } = app;
  const steps = [{ segment: 0, cells: puzzle.cells, changed: new Set(), clashes: new Set() }];
  const shown = shownCells();
  app.busy = new AbortController();
  thinking(true);
  const began = performance.now();
  try {
    const answer = await backend.solve(model, puzzle, (told) => {
      const step = model.grid.sized ? { ...told, cells: cellsOf(model.grid, told.answer) } : told;
      const before = steps.at(-1).cells;
      const changed = new Set(shown.filter((i) => step.cells[i] !== before[i]));
      steps.push({ ...step, changed, clashes: clashes(model, drawing, puzzle.cells, step.cells) });
    }, { effort, signal: app.busy.signal });
    Object.assign(app, { steps, effort, pinned: new Set(answer.pinned) });
    watch(answer, (performance.now() - began) / 1000);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    part("status").textContent = "Stopped.";
  } finally {
    thinking(false);
  }
}

function thinking(on) {
  if (!on) app.busy = null;
  document.body.classList.toggle("thinking", on);
  clearInterval(app.clock);
  const buttons = [part("solve"), part("harder")], began = Date.now();
  const tell = () => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    for (const button of buttons) button.textContent = seconds ? `Stop (${seconds} s)` : "Stop";
  };
  for (const button of buttons) button.dataset.words ??= button.textContent;
  if (on) {
    tell();
    app.clock = setInterval(tell, 1000);
  } else {
    for (const button of buttons) button.textContent = button.dataset.words;
  }
  for (const id of ["random", "another", "clear", "read", "model", "task", "back", "rows", "columns"]) part(id).disabled = on;
  if (on) {
    complain(null);
    part("status").textContent = "Thinking …";
  }
}

function watch(answer, seconds) {
  const { model, steps } = app;
  const last = steps.length - 1;
  const known = app.task?.tests.find(({ input }) => input === app.puzzle.text)?.output;
  const verdict = verdictOf(answer, last, seconds, steps[last].clashes.size, known);
  if (model.grid.sized) layOut(steps);
  part("known").hidden = !known;
  if (known) part("known").replaceChildren(part("known").firstElementChild, picture(model.grid, known, "Known answer"));
  part("edit").hidden = true;
  part("watch").hidden = false;
  document.body.classList.add("watching");
  part("badge").textContent = verdict.badge;
  part("badge").className = `badge ${verdict.kind}`;
  part("story").textContent = verdict.story;
  part("harder").hidden = answer.verified !== false || !moreThan(app.effort);
  part("legend").replaceChildren(...legendOf(model.grid, steps, app.pinned));
  part("status").textContent = `${verdict.badge}. ${verdict.story}`;
  player.load(last, calm.matches ? last : 0);
  part("slider").focus({ preventScroll: true });
  if (matchMedia("(max-width: 880px)").matches) scrollTo({ top: 0 });
  if (!calm.matches) player.play();
}

/** Return the next greater effort; undefined: there is none. */
function moreThan(effort) {
  const values = app.model.efforts.map(([value]) => value);
  return values[values.indexOf(effort) + 1];
}

/** Return the cells that are drawn: of a graph, only its nodes. */
const shownCells = () => board.nodes ?? app.puzzle.cells.map((_, i) => i);

function showMoment(at) {
  const { steps, model } = app;
  const step = steps[at];
  if (!step) return "";
  const last = steps.length - 1;
  board.show({ start: steps[0].cells, pinned: at ? app.pinned : null, ...step }, false);
  drawCurve(part("curve"), steps.slice(1).map((each) => each.q_halt), at);
  const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const what = board.nodes ? "node" : "cell", wrong = shownCells().filter((i) => step.clashes.has(i)).length;
  const given = shownCells().filter((i) => isGiven(model.grid, steps[0].cells[i])).length;
  const clashing = wrong ? ` · ${count(wrong, what)} clash${wrong === 1 ? "es" : ""}` : "";
  const { rows, columns } = sizeOf(model.grid, step.cells), size = rows ? `${rows}×${columns}` : "no grid";
  const says = model.grid.sized && !at ? `The test · ${size}` : at
    ? `Segment ${at} of ${last} · ${model.grid.sized ? `${size} · ` : ""}${count(step.changed.size, what)} changed${clashing}`
    : `The puzzle · ${count(given, what)} given`;
  part("says").textContent = says;
  part("sure").textContent = at ? percent(step.q_halt) : "–";
  return `${says.replaceAll(" · ", ", ")}${at ? `, sure ${percent(step.q_halt)}` : ""}`;
}

// ---- what goes wrong, and what is shared

function complain(error) {
  part("problem").hidden = !error;
  part("problem").textContent = error instanceof Refusal ? error.message : error ? `Something went wrong: ${error}` : "";
}

/** Return a listener that shows what goes wrong. */
const safely = (act) => async (event) => {
  try {
    await act(event);
  } catch (error) {
    complain(error);
  }
};

async function share() {
  const address = addressOf(app.model, app.puzzle);
  if (await copied(address)) {
    part("shared").textContent = "Copied.";
    return;
  }
  part("link").hidden = false;
  part("link").value = address;
  part("link").select();
  part("shared").textContent = "Copy it from here:";
}

/** Show what the address asks for, or else a random puzzle. */
async function open() {
  const { model: name, task, puzzle: text } = fromAddress();
  chooseModel(app.models.find((model) => model.name === name) ?? app.models[0]);
  const empty = emptyPuzzle(app.model.grid);
  setPuzzle(empty);
  if (app.model.tasks?.length && name === app.model.name && task !== null) await chooseTask(task);
  if (text !== null && name === app.model.name) await readLink(text);
  else if (app.task) return;
  else if (name && name !== app.model.name) throw new Refusal(-1, `The link asks for the model ${name}, which is not here.`);
  else await randomPuzzle();
}

async function readLink(text) {
  try {
    await readText(text, "From the link.");
  } catch (error) {
    part("text").value = text; // to be mended
    openText(true);
    throw error;
  }
}

async function start() {
  app.models = await backend.models();
  part("model").replaceChildren(...app.models.map(({ name }) => new Option(name, name)));
  part("model").disabled = false;
  await open();
}

part("model").addEventListener("change", safely(async () => {
  chooseModel(app.models.find(({ name }) => name === part("model").value));
  setPuzzle(emptyPuzzle(app.model.grid));
  await randomPuzzle();
}));
part("task").addEventListener("change", safely(() => chooseTask(part("task").value)));
for (const id of ["rows", "columns"]) part(id).addEventListener("change", safely(resize));
part("solve").addEventListener("click", safely(() => solve(part("effort").value)));
part("harder").addEventListener("click", safely(() => solve(moreThan(app.effort))));
part("random").addEventListener("click", safely(randomPuzzle));
part("another").addEventListener("click", safely(async () => {
  await randomPuzzle();
  await solve(part("effort").value);
}));
part("clear").addEventListener("click", () => {
  const { model: { grid }, puzzle } = app, { rows, columns } = sizeOf(grid, puzzle.cells);
  setPuzzle(grid.sized ? resized(grid, { cells: [] }, rows, columns) : emptyPuzzle(grid));
});
part("back").addEventListener("click", () => { edit(); board.focus(); });
part("as-text").addEventListener("click", () => openText(part("paste").hidden));
part("read").addEventListener("click", safely(() => readText(part("text").value)));
part("share").addEventListener("click", safely(share));
part("board").addEventListener("paste", safely(async (event) => {
  event.preventDefault();
  await readText(event.clipboardData.getData("text/plain"));
}));
addEventListener("hashchange", safely(open));
safely(start)();
