// The models of this site, computed in this browser: what the page asks for, on ONNX Runtime in a worker.
import { emptyPuzzle, spell } from "./puzzle.js";
import { Refusal } from "./refusal.js";

/** Efforts to choose from; where no rules are known, there is nothing to try again for. */
const EFFORTS = [["quick", "quick: one run"], ["normal", "normal: try again"], ["max", "max: keep trying"]];
const BLANKS = [".", "0", "_", "-", "*"];
/** The worker, which holds the networks that were loaded; it is ended where an answer is no longer wanted. */
let worker = null;

export async function models() {
  const { models: found } = await file("manifest.json");
  return found.map((model) => ({ ...model, efforts: model.checked ? EFFORTS : EFFORTS.slice(0, 1) }));
}

export const examples = (model) => file(`${model.folder}examples.json`);

/** Beside what the page gives: `segments`, to run exactly so many. */
export function solve(model, puzzle, onSegment, { effort, signal, segments } = {}) {
  worker ??= new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const own = worker;
  return new Promise((resolve, reject) => {
    const end = (error) => {
      own.terminate();
      if (worker === own) worker = null;
      reject(error);
    };
    own.onmessage = ({ data }) => {
      if (data.error) {
        end(new Refusal(-1, data.error));
        return;
      }
      const { steps, ...answer } = data.answer;
      steps.forEach(onSegment);
      resolve(answer);
    };
    own.onerror = () => end(new Refusal(-1, "The program that computes answers cannot be loaded. Reload the page."));
    signal?.addEventListener("abort", () => end(signal.reason), { once: true });
    own.postMessage({ model, cells: puzzle.cells, effort, segments });
  });
}

/** Read a puzzle as one line or several, or as a JSON list of cells or of rows. */
export async function read({ grid }, text) {
  const { rows, columns, symbols, blank, once, padded, pairs } = grid;
  const size = rows * columns;
  const lines = linesOf(text, symbols.includes(" "));
  let given = lines.flat();
  // where a puzzle may be smaller than the grid, its rows are placed in the upper left corner
  if (padded && lines.length > 1) {
    if (lines.length > rows || lines.some((line) => line.length > columns)) refuse(`it has more than ${rows}×${columns} cells`);
    given = Array.from({ length: size }, (_, i) => lines[Math.floor(i / columns)]?.[i % columns] ?? symbols[0]);
  }
  if (given.length !== size) refuse(`it has ${given.length} cells, and ${rows}×${columns} = ${size} are needed`);
  const cells = given.map((symbol) => {
    const token = symbols.indexOf(symbol);
    if (token >= 0 && (token > 0 || padded || grid.outside.length)) return token;
    return BLANKS.includes(symbol) ? blank : refuse(`${JSON.stringify(symbol)} is none of ${symbols.slice(1).join(" ")}`);
  });
  // contradictions that single cells show
  const name = (cell) => `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;
  for (const token of once) {
    const count = cells.filter((each) => each === token).length;
    if (count !== 1) refuse(`it has ${count} of ${JSON.stringify(symbols[token])}, and one is needed`);
  }
  for (const [a, b] of pairs) {
    if (cells[a] === cells[b] && cells[a] && cells[a] !== blank) refuse(`${name(a)} and ${name(b)} are the same`);
  }
  const empty = emptyPuzzle(grid);
  if (grid.outside.some((cell) => cells[cell] !== empty.cells[cell])) refuse("a cell outside the puzzle is filled");
  return { puzzle: spell(grid, cells), cells, pairs, regions: null, notes: {}, nodes: [], edges: [], outlines: [] };
}

/** Return the symbols of each line. */
function linesOf(text, spaces) {
  if (!text.trim().startsWith("[")) {
    const kept = spaces ? text.replace(/^[\r\n]+|[\r\n]+$/g, "") : text.trim();
    return kept.split(/\r?\n/).map((line) => [...(spaces ? line : line.replace(/[\s|+]/g, ""))]);
  }
  try {
    const list = JSON.parse(text);
    return (Array.isArray(list[0]) ? list : [list]).map((row) => row.map((cell) => (cell === 0 ? "0" : String(cell))));
  } catch {
    return refuse("it begins like a JSON list and is none");
  }
}

function refuse(reason) {
  throw new Refusal(422, reason);
}

async function file(name) {
  const response = await fetch(new URL(name, import.meta.url)).catch(() => null);
  if (!response?.ok) throw new Refusal(-1, `The file ${name} of this site cannot be loaded. Reload the page.`);
  return response.json();
}
