// How this page reaches a model. Another site replaces this one file by its own with the same functions:
//
//   models()                 -> [{name, puzzle, parameters, max_segments, checked, efforts, grid, tasks}], the default
//                               first; tasks are names, and where there are none `task` is never called
//   read(model, text)        -> {puzzle, cells, pairs, regions, notes, nodes, edges, outlines}; Refusal where it cannot
//   examples(model)          -> {puzzles: [text], tasks: [name], source}: held-out puzzles, and where they come from
//   task(model, name)        -> {task, demonstrations: [{input, output}], tests: [{input, output}], source}
//   solve(model, puzzle, onSegment, {effort, signal})
//                            -> {verified, segments, attempts, total_segments, pinned}; verified is null where no rules
//                               are known. The segments told are those of the run that gave the answer.
//
// efforts are [value, words], the least first; puzzle is {text, cells, task}; onSegment gets {segment, answer, cells,
// confidence, q_halt} after each segment, from 1 (answer, a text, only where a grid has any size). Fields are
// those of the HTTP interface (docs/serve.md); errors are of the class Refusal.
export { examples, models, read, solve, task } from "./http.js";
