"""Solve puzzles with the network in this folder: python run.py PUZZLE…  (needs numpy and onnxruntime)."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

M = json.loads((HERE := Path(__file__).resolve().parent).joinpath("manifest.json").read_text("utf-8"))
FILES = {name: (HERE / name).read_bytes() if (HERE / name).exists() else b"" for name in M["files"]}
if bad := [name for name, data in FILES.items() if hashlib.sha256(data).hexdigest() != M["files"][name]["sha256"]]:
    sys.exit(f"{HERE / bad[0]} is missing or not what was exported: export the model again")
network = onnxruntime.InferenceSession(FILES[M["network"]], providers=["CPUExecutionProvider"])


def solve(tokens, segments=0, **given):
    """Return answers to puzzles (int32 token ids, a row each) and which are done; `segments`: run exactly this many."""
    feeds, done, answers, ids = {"tokens": tokens}, np.zeros(len(tokens), bool), tokens, np.array(M["answers"])
    for i in M["inputs"][1:]:
        if not i["file"] and i["name"] not in given:
            sys.exit(f"{i['name']} differ from puzzle to puzzle: call solve in {__file__} with them")
        value = given[i["name"]] if i["name"] in given else np.frombuffer(FILES[i["file"]], i["dtype"])
        feeds[i["name"]] = np.resize(value, [len(tokens) if n == "batch" else n for n in i["shape"]])
    for _ in range(segments or M["max_segments"]):
        *states, logits, q = network.run(None, feeds)
        feeds |= {name.removeprefix("next_"): state for name, state in zip(M["outputs"], states, strict=False)}
        odds, pad = np.exp(logits - logits.max(-1, keepdims=True)), (tokens == 0) & M["padded"]  # padding stays
        answers = np.where(done[:, None], answers, np.where(pad, 0, ids[odds[..., ids].argmax(-1)]))
        stop = (q[:, 0] > q[:, 1:].sum(1)) & (pad | (odds[..., ids].max(-1) >= M["sure"] * odds.sum(-1))).all(1)
        if M["differ"]:  # where the rules are known: givens stay, and these pairs of cells differ
            a, b = np.frombuffer(FILES[M["differ"]], np.int32).reshape(-1, 2).T
            stop = ((tokens == M["blank"]) | (tokens == answers)).all(1) & (answers[:, a] != answers[:, b]).all(1)
        done |= stop & (not segments)
        if done.all():
            return answers, done
    return answers, stop | done


if __name__ == "__main__":
    grids = [[M["tokens"].index(c) if c in M["tokens"] else -1 for c in text] for text in sys.argv[1:]]
    if not grids or any(len(grid) != np.prod(M["shape"]) or -1 in grid for grid in grids):
        sys.exit(f"give puzzles of {np.prod(M['shape'])} characters, each one of {''.join(M['tokens'])!r}")
    answers, done = solve(np.array(grids, np.int32))
    print(*("".join(M["tokens"][t] for t in answer) for answer in answers), sep="\n")
    sys.exit(int(not done.all()))
