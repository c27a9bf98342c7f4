// How this page reaches a model. Another site replaces this one file by its own with the same functions:
//
//   models()                 -> [{name, puzzle, parameters, max_segments, checked, efforts, grid}], the default first
//   read(model, text)        -> {puzzle, cells, pairs, regions, notes, nodes, edges, outlines}; Refusal where it cannot
//   examples(model)          -> {puzzles: [text], source}: held-out puzzles, and where they come from
//   solve(model, puzzle, onSegment, {effort, signal})
//                            -> {verified, segments, attempts, total_segments, pinned}; verified is null where no rules
//                               are known. The segments told are those of the run that gave the answer.
//
// efforts are [value, words], the least first; puzzle is {text, cells}; onSegment gets {segment, cells, confidence, q_halt} after each segment, from 1. Fields are
// those of the HTTP interface (docs/serve.md); errors are of the class Refusal.
export { examples, models, read, solve } from "./http.js";
