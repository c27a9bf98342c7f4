// How to go on where an answer breaks a rule: give one or two open cells the symbol of the last answer, and run again.
const PIN_SEGMENTS = 8, MOST_PINS = 2;
/** Segments of all runs together, at most. */
const TOTAL = { normal: 2048, max: 4096 };

/**
 * Run a puzzle, and run it again as long as the effort allows.
 * @param run (cells, most) => {done, checked, cells, segment, steps}: runs one puzzle from the start
 */
export async function search(run, cells, blank, effort) {
  const open = cells.flatMap((token, cell) => (token === blank ? [cell] : []));
  const draw = draws();
  const root = await run(cells);
  const told = (found, pinned, attempts, total) => ({
    steps: found.steps, verified: found.checked ? found.done : null, segments: found.segment, attempts, pinned,
    total_segments: total,
  });
  let total = root.segment, attempts = 1, last = root, pinned = [];
  while (root.checked && !last.done && open.length && total < (TOTAL[effort] ?? 0)) {
    // after two pinned cells, begin again with the answer to the puzzle itself
    if (pinned.length === MOST_PINS || pinned.length === open.length) [pinned, last] = [[], root];
    const free = open.filter((cell) => !pinned.includes(cell));
    pinned = [...pinned, free[Math.floor(draw() * free.length)]];
    const view = cells.slice();
    for (const cell of pinned) view[cell] = last.cells[cell];
    last = await run(view, PIN_SEGMENTS);
    total += last.segment;
    attempts += 1;
  }
  return last.done ? told(last, pinned, attempts, total) : told(root, [], attempts, total);
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
