// Solve puzzles with the network in this folder: node run.mjs PUZZLE…  (npm install onnxruntime-node)
// In a page, with the `ort` of onnxruntime-web: const solve = await load(ort, async (name) => (await fetch(name)).arrayBuffer());
const TYPES = { int8: Int8Array, int32: Int32Array, float32: Float32Array };

export async function load(ort, read) {
  const m = JSON.parse(new TextDecoder().decode(await read("manifest.json")));
  const network = await ort.InferenceSession.create(new Uint8Array(await read(m.network)));
  const start = {};
  for (const { name, dtype, shape, file } of m.inputs) {
    const dims = shape.map((size) => (size === "batch" ? 1 : size));
    if (file) start[name] = new ort.Tensor(dtype, new TYPES[dtype](await read(file)), dims);
  }
  const pairs = m.differ && new Int32Array(await read(m.differ));
  const differ = (answer) => pairs.every((cell, i) => i % 2 || answer[cell] !== answer[pairs[i + 1]]);

  // `segments`: run exactly this many; `most`: at most. `onSegment` gets answers and outputs. Further inputs are tensors.
  return async function solve(text, { segments = 0, most = m.max_segments, onSegment = () => {}, ...given } = {}) {
    const tokens = Int32Array.from(text, (character) => m.tokens.indexOf(character));
    if (tokens.length !== m.shape[0] * m.shape[1] || tokens.includes(-1))
      throw new Error(`give ${m.shape[0] * m.shape[1]} characters, each one of "${m.tokens.join("")}"`);
    const feeds = { ...start, ...given, tokens: new ort.Tensor("int32", tokens, [1, tokens.length]) };
    for (let segment = 1; ; segment++) {
      const out = await network.run(feeds);
      for (const name of m.outputs) if (name.startsWith("next_")) feeds[name.slice(5)] = out[name];
      const { data, dims } = out.logits, rows = Array.from(tokens, (_, i) => data.slice(i * dims[2], (i + 1) * dims[2]));
      const best = (row) => m.answers.reduce((a, b) => (row[b] > row[a] ? b : a));
      const cells = rows.map((row, i) => (tokens[i] || !m.padded ? best(row) : 0)); // padding stays
      const share = (row, token) => 1 / row.reduce((sum, logit) => sum + Math.exp(logit - row[token]), 0);
      const confidence = rows.map((row, i) => (tokens[i] || !m.padded ? share(row, cells[i]) : 1));
      const [halt, goOn = 0] = out.q.data, stops = halt > goOn && confidence.every((sure) => sure >= m.sure);
      const found = { answer: cells.map((t) => m.tokens[t]).join(""), cells, confidence, segment, checked: Boolean(pairs) };
      found.done = pairs ? tokens.every((t, i) => t === m.blank || t === cells[i]) && differ(cells) : stops;
      onSegment(found, out);
      if (segment >= (segments || most) || (!segments && found.done)) return found;
    }
  };
}

if (globalThis.process?.argv[1]?.endsWith("run.mjs")) {
  const read = async (name) => new Uint8Array(await (await import("node:fs/promises")).readFile(new URL(name, import.meta.url))).buffer;
  const solve = await load((await import("onnxruntime-node")).default, read);
  for (const puzzle of process.argv.slice(2)) console.log((await solve(puzzle)).answer);
}
