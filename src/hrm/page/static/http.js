// The model behind an HTTP address: the paths of hrm serve.
import { Refusal } from "./refusal.js";

/** Efforts to choose from, the least first, in words; where no rules are known there is nothing to try again for. */
const EFFORTS = [["quick", "quick: one run"], ["normal", "normal: try again"], ["max", "max: keep trying"]];

export async function models() {
  const { models: found } = await ask("v1/models");
  return found.map((model) => ({ ...model, efforts: model.checked ? EFFORTS : EFFORTS.slice(0, 1) }));
}

export const read = (model, text) => ask("v1/read", { model: model.name, puzzle: text });

export const examples = (model) => ask(`v1/examples?model=${encodeURIComponent(model.name)}`);

export const task = (model, name) =>
  ask(`v1/task?model=${encodeURIComponent(model.name)}&task=${encodeURIComponent(name)}`);

export async function solve(model, puzzle, onSegment, { effort, signal } = {}) {
  const body = { model: model.name, puzzle: puzzle.text, task: puzzle.task, trace: true, effort };
  const { answers: [answer] } = await ask("v1/solve", body, signal);
  for (const step of answer.trace) onSegment(step);
  return answer;
}

async function ask(path, body, signal) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, { ...(body && post), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0);
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, found.reason);
  return found;
}
