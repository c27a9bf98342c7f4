// Words about an answer: the verdict, and the legend of what is drawn.
import { paint } from "./fill.js";
import { isGiven, nameOf } from "./puzzle.js";

/** Say what became of an answer, whose last step has so many clashing cells: {kind, badge, story}; known: the right one. */
export function verdictOf(answer, shown, seconds, clashing, known) {
  const count = (number, what) => `${number.toLocaleString("en-US")} ${what}${number === 1 ? "" : "s"}`;
  const total = answer.attempts > 1 ? ` in ${count(answer.attempts, "run")}` : "";
  const took = `${count(answer.attempts > 1 ? answer.total_segments : shown, "segment")}${total}, ` +
    `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const assumed = answer.pinned?.length ? `, which took ${count(answer.pinned.length, "open cell")} as given` : "";
  const last = total && (answer.verified || assumed) ? ` You see the run that gave this answer${assumed}.` : "";
  if (answer.verified) return { kind: "right", badge: "Checked against the rules", story: `Solved: ${took}.${last}` };
  if (answer.verified === false) {
    const settled = answer.settled && answer.settled < shown ? " It stopped changing its answer." : "";
    const where = clashing ? "" : ", though no single cell clashes";
    return { kind: "wrong", badge: "Not verified", story: `The answer breaks a rule${where}: ${took}.${last}${settled}` };
  }
  if (known) {
    const same = answer.answer === known;
    return { kind: same ? "right" : "wrong", badge: same ? "Equals the known answer" : "Not the known answer", story: `${took}.` };
  }
  return { kind: "open", badge: "Not verified", story: `No rules are known to check it by: ${took}.` };
}

/** Return the entries of the legend for what occurs in some step. */
export function legendOf(grid, steps, pinned) {
  const ever = (test) => steps.some(test);
  const colored = [...new Set(steps.flatMap(({ cells }) => cells))].filter((token) => grid.fills[token]);
  const plain = steps.at(-1).cells.some((token) => token && !grid.fills[token] && token !== grid.blank);
  const sample = grid.symbols[grid.offered.find((token) => isGiven(grid, token) && grid.symbols[token].length === 1)] ?? "";
  const entries = [
    ...colored.filter((token) => grid.words[token] && !grid.sized).map((token) => [
      nameOf(grid, token), "filled", grid.solid.includes(token) ? "" : grid.symbols[token], token,
    ]),
    plain && ["given", "given", sample], plain && ["the network’s", "own", sample],
    plain && ever((step) => step.confidence?.some((sure) => sure < 0.9)) && ["shaded: unsure", "own shaded", sample],
    !plain && colored.length && ["pale: unsure", "pale", ""],
    ["changed", "changed", ""],
    pinned.size && ["assumed", "pinned", sample],
    ever(({ clashes }) => clashes.size) && ["clashes", "clash", sample],
  ];
  return entries.filter(Boolean).map(([words, kind, symbol, token]) => {
    const item = document.createElement("li"), shown = document.createElement("span");
    shown.className = `cell ${kind}`;
    shown.textContent = symbol;
    shown.setAttribute("aria-hidden", "true");
    const fill = grid.fills[token ?? colored.find((each) => grid.solid.includes(each)) ?? colored[0]];
    if (kind === "filled" || kind === "pale") paint(shown, fill);
    item.append(shown, words);
    return item;
  });
}
