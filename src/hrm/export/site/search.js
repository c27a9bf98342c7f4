// How to go on where an answer breaks a rule: give one or two open cells the symbol of the last answer, and run again.
const FIRST_SEGMENTS = 32, PIN_SEGMENTS = 5, MOST_PINS = 2;
/** Segments of all runs together, at most. */
const TOTAL = { normal: 2048, max: 4096 };

/**
 * Run a puzzle, and run it again as long as the effort allows.
 * @param run (cells, most) => {done, checked, cells, segment, steps}: runs one puzzle from the start
 * @param grid {blank, pairs}: the token of an open cell, and cells that must differ
 */
export async function search(run, cells, grid, effort) {
  const blank = cells.flatMap((token, cell) => (token === grid.blank ? [cell] : []));
  const limit = TOTAL[effort] ?? 0, draw = draws();
  const root = await run(cells, limit ? FIRST_SEGMENTS : undefined);
  const answers = new Map([["", root]]);
  let total = root.segment, attempts = 1, last = root, pinned = new Map();
  const told = (found, cells) => ({
    steps: found.steps, verified: found.checked ? found.done : null, segments: found.segment, attempts, pinned: cells,
    total_segments: total,
  });
  for (let round = 0; root.checked && !last.done && blank.length && total < limit && round < limit; round++) {
    if (pinned.size === MOST_PINS || pinned.size === blank.length) [pinned, last] = [new Map(), root];
    // draw an open cell that clashes; if that has been run before, any open cell
    const open = blank.filter((cell) => !pinned.has(cell)), answer = last.cells;
    const clashes = new Set(grid.pairs.filter(([a, b]) => answer[a] === answer[b]).flat());
    const clashing = open.filter((cell) => clashes.has(cell));
    const drawn = (among) => {
      const cell = among[Math.floor(draw() * among.length)];
      return new Map([...pinned, [cell, answer[cell]]].sort(([a], [b]) => a - b));
    };
    const name = (pins) => JSON.stringify([...pins]);
    let more = drawn(clashing.length ? clashing : open);
    if (answers.has(name(more))) more = drawn(open);
    pinned = more;
    // run what has not been run before
    if (!answers.has(name(pinned))) {
      const found = await run(cells.map((token, cell) => pinned.get(cell) ?? token), PIN_SEGMENTS);
      total += found.segment;
      attempts += 1;
      answers.set(name(pinned), found);
    }
    last = answers.get(name(pinned));
  }
  return last.done ? told(last, [...pinned.keys()]) : told(root, []);
}

/** Return a source of numbers from 0 to 1, the same for every puzzle (mulberry32). */
function draws(seed = 0) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
