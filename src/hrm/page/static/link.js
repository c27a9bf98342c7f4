// A puzzle and its model in the fragment of the address, which is never sent to a server.

/** Return what the address names: {model, task, puzzle}, each of which may be missing. */
export function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  return { model: given.get("model"), task: given.get("task"), puzzle: given.get("puzzle") };
}

/** Return the address of a puzzle. */
export function addressOf(model, puzzle) {
  const base = location.href.split("#")[0];
  const task = puzzle.task ? { task: puzzle.task } : {};
  return `${base}#${new URLSearchParams({ model: model.name, ...task, puzzle: puzzle.text })}`;
}

/** Put an address into the clipboard; false: the browser does not allow it. */
export async function copied(address) {
  try {
    await navigator.clipboard.writeText(address);
    return true;
  } catch {
    return false;
  }
}
