"""Train HRM in a loop of your own: 4×4 Sudoku, deep supervision, a loss that you can change.

python examples/own_loop.py       # about half a minute; a number after it: how many updates
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

import hrm
from hrm.model.build import build


def train(updates: int, batch_size: int = 64, segments: int = 4) -> tuple[torch.nn.Module, float]:
    """Return the network, and the share of new puzzles that it solves."""
    puzzle = hrm.puzzles.get("sudoku-4x4")
    model = build(hrm.recipes.get("smoke").model, seed=0)
    relations = torch.from_numpy(puzzle.relations())
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def batch(number: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        rows = [puzzle.generate(seed, number * batch_size + row) for row in range(batch_size)]
        inputs, labels = (torch.from_numpy(np.stack(part)).long() for part in zip(*rows, strict=True))
        return inputs, labels

    for update in range(updates):
        inputs, labels = batch(update)
        latents = model.initial(batch_size)
        for _ in range(segments):  # an optimizer step for each segment; the next one starts from its latents
            segment = model.segment(latents, model.embed(inputs, relations=relations))
            right = (segment.logits.argmax(-1) == labels).all(-1)
            loss = F.cross_entropy(segment.logits.flatten(0, 1), labels.flatten())
            loss = loss + 0.5 * F.binary_cross_entropy_with_logits(segment.q_halt_logit, right.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            latents = segment.latents.detach()
        if update % 20 == 19:
            print(f"update {update + 1}: loss {loss.item():.3f}, solved {right.float().mean().item():.0%}")
    inputs, labels = batch(0, seed=1)
    with torch.no_grad():
        answers = model(inputs, 2 * segments, relations=relations).logits.argmax(-1)
    return model, (answers == labels).all(-1).float().mean().item()


if __name__ == "__main__":
    solved = train(int(sys.argv[1]) if len(sys.argv) > 1 else 150)[1]
    print(f"new puzzles solved: {solved:.0%}")
