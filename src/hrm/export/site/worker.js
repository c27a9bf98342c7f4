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
      const onSegment = (found, { q }) => steps.push({
        segment: found.segment, cells: found.cells, confidence: found.confidence.map((sure) => Math.round(100 * sure) / 100),
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
