// A puzzle as numbers: from text and to text, and which of its cells clash. Tokens are numbers; 0 is outside.

/** Say which tokens are given: neither outside, nor blank, nor a clue. */
export const isGiven = (grid, token) => token !== 0 && token !== grid.blank && !grid.clues.includes(token);

/** Return an empty puzzle; where it may be smaller than the grid, that is one cell, and of any size 3×3. */
export function emptyPuzzle(grid) {
  if (grid.sized) return resized(grid, { cells: [] }, 3, 3);
  const cells = new Array(grid.rows * grid.columns).fill(grid.padded ? 0 : grid.blank);
  if (grid.padded) cells[0] = grid.offered[0];
  for (const cell of grid.outside) cells[cell] = 0;
  return { text: spell(grid, cells), cells };
}

/** Write the cells of a puzzle as text that a model reads. */
export function spell(grid, cells) {
  if (grid.sized) {
    const { rows, columns } = sizeOf(grid, cells);
    return JSON.stringify(Array.from({ length: rows }, (_, y) => Array.from({ length: columns },
      (_, x) => Number(grid.symbols[cells[y * grid.columns + x]]))));
  }
  if (!grid.padded) return cells.map((token) => grid.symbols[token]).join("");
  const rows = [];
  for (let y = 0; y < grid.rows; y++) rows.push(cells.slice(y * grid.columns, (y + 1) * grid.columns));
  const wide = Math.max(...rows.map((row) => row.findLastIndex((token) => token) + 1));
  const high = rows.findLastIndex((row) => row.some((token) => token)) + 1;
  return JSON.stringify(rows.slice(0, high).map((row) => row.slice(0, wide).map((token) => grid.symbols[token])));
}

/** Return a puzzle with another token in one cell; a token that exists once leaves its old cell. */
export function written(grid, puzzle, cell, token) {
  const cells = puzzle.cells.slice();
  if (grid.once.includes(token)) cells.forEach((old, i) => { if (old === token) cells[i] = grid.blank; });
  cells[cell] = token;
  return { ...puzzle, text: spell(grid, cells), cells };
}

/** Return how many rows and columns of a grid of any size are not outside. */
export function sizeOf(grid, cells) {
  const inside = cells.flatMap((token, i) => (token ? [i] : []));
  const most = (places) => places.reduce((a, b) => Math.max(a, b + 1), 0);
  return { rows: most(inside.map((i) => Math.floor(i / grid.columns))), columns: most(inside.map((i) => i % grid.columns)) };
}

/** Return a puzzle with another number of rows and columns; new cells get the first token that is offered. */
export function resized(grid, puzzle, rows, columns) {
  const cells = Array.from({ length: grid.rows * grid.columns }, (_, i) =>
    i % grid.columns < columns && i < rows * grid.columns ? puzzle.cells[i] || grid.offered[0] : 0);
  return { ...puzzle, text: spell(grid, cells), cells };
}

/** Return the cells of a grid of any size that is given as text. */
export function cellsOf(grid, text) {
  const rows = JSON.parse(text);
  return Array.from({ length: grid.rows * grid.columns }, (_, i) =>
    Math.max(0, grid.symbols.indexOf(String(rows[Math.floor(i / grid.columns)]?.[i % grid.columns]))));
}

/** Return the cells that break a rule which single cells show: equal where they must differ, or a given overwritten. */
export function clashes(model, drawing, start, cells) {
  const { grid } = model;
  const found = new Set();
  for (const [a, b] of drawing?.pairs ?? grid.pairs) {
    if (cells[a] === cells[b] && isGiven(grid, cells[a])) found.add(a).add(b);
  }
  if (model.checked) start.forEach((token, i) => { if (isGiven(grid, token) && cells[i] !== token) found.add(i); });
  return found;
}

/** Name a token: a word for what it is, or its symbol. */
export function nameOf(grid, token) {
  if (token === 0) return "outside";
  if (grid.words[token]) return grid.words[token];
  if (token === grid.blank) return "empty";
  return grid.clues.includes(token) ? "empty" : grid.symbols[token].trim() || "space";
}
