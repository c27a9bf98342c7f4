// Runs the networks, so that the page stays awake: {model, cells, effort} in, {answer} or {error} out.
import * as ort from "./runtime/ort.wasm.min.mjs";
import { load } from "./run.mjs";
import { search } from "./search.js";

ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // more would need headers that a file server does not send
const loaded = new Map();

addEventListener("message", async ({ data: { model, cells, effort, segments } }) => {
  try {
    const { folder, grid } = model;
    if (!loaded.has(folder)) loaded.set(folder, await load(ort, (name) => bytes(folder + name)));
    const run = async (view, most) => {
      const steps = [];
      const onSegment = (found, { logits, q }) => steps.push({
        segment: found.segment, cells: found.cells, confidence: confidence(logits, found.cells),
        q_halt: 1 / (1 + Math.exp(-q.data[0])),
      });
      return { ...(await loaded.get(folder)(view.map((token) => grid.symbols[token]), { segments, most, onSegment })), steps };
    };
    postMessage({ answer: await search(run, cells, grid, segments ? "quick" : effort) });
  } catch (error) {
    postMessage({ error: `This browser cannot run the network: ${error.message ?? error}` });
  }
});

async function bytes(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} is missing`);
  return response.arrayBuffer();
}

/** Return the probability of the token that was chosen in each cell, to two decimals. */
function confidence({ data, dims }, cells) {
  const size = dims[2];
  return cells.map((token, cell) => {
    const logits = data.subarray(cell * size, (cell + 1) * size);
    const highest = logits.reduce((a, b) => Math.max(a, b));
    const sum = logits.reduce((total, value) => total + Math.exp(value - highest), 0);
    return Math.round((100 * Math.exp(logits[token] - highest)) / sum) / 100;
  });
}
