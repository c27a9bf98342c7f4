"""The Hierarchical Reasoning Model in one file: it learns 4×4 Sudoku in minutes on a CPU. Needs torch only.

    python examples/minihrm.py [UPDATES]

The network is that of the recipe `sudoku-4x4`, names of weights included, in fp32. Paper: arXiv 2506.21734.
States have a row for each of 17 positions: a prefix, where the Q-head reads, and 16 cells. D is their width.
"""

import itertools
import sys

import torch
import torch.nn.functional as F
from torch import nn

D, HEADS, INNER, VOCAB = 128, 4, 256, 6  # tokens: 0 padding, 1 blank, 2 to 5 the digits
N, T, M_MAX = 2, 2, 8  # cycles a segment, timesteps a cycle, segments a puzzle
GROUPS = [(i := torch.arange(16)) // 4, i % 4, i // 8 * 2 + i % 4 // 2]  # row, column and box of each cell
RELATED = torch.stack([g[:, None] == g for g in GROUPS]).float()  # same row, column, box


def linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.trunc_normal_(layer.weight, std=inputs**-0.5, a=-2 * inputs**-0.5, b=2 * inputs**-0.5)
    return layer


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = linear(D, 3 * D), linear(D, D)
        self.relation_bias = nn.Parameter(2 * torch.eye(3).repeat(2, 1)[:HEADS])  # head h looks along relation h mod 3

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        bias = torch.einsum("aq,qst->ast", self.relation_bias, F.pad(RELATED, (1, 0, 1, 0)))
        return self.out(F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_up, self.down = linear(D, 2 * INNER), linear(INNER, D)

    def forward(self, x):
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.mlp = Attention(), SwiGLU()

    def forward(self, x):
        x = F.rms_norm(x + self.attention(x), (D,), eps=1e-5)  # post-norm
        return F.rms_norm(x + self.mlp(x), (D,), eps=1e-5)


class MiniHRM(nn.Module):
    def __init__(self):
        super().__init__()
        tokens, puzzles = torch.randn(VOCAB, D) * D**-0.5, torch.zeros(1, D)
        tables = {"token_embedding": tokens, "puzzle_embedding": puzzles}
        self.f_I = nn.ModuleDict({name: nn.Embedding(*table.shape, _weight=table) for name, table in tables.items()})
        self.f_L, self.f_H = (nn.ModuleDict({"blocks": nn.ModuleList([Block()])}) for _ in range(2))
        self.f_O, self.q_head = nn.ModuleDict({"output_head": linear(D, VOCAB)}), nn.Linear(D, 2)
        nn.init.zeros_(self.q_head.weight), nn.init.constant_(self.q_head.bias, -5.0)  # nothing halts early
        [self.register_buffer(name, torch.randn(D).clamp(-2, 2)) for name in ("start_H", "start_L")]

    def initial(self, batch):  # z⁰: the same at every position
        return self.start_H.expand(batch, 17, D), self.start_L.expand(batch, 17, D)

    def cycle(self, z_H, z_L, x):
        for _ in range(T):
            z_L = self.f_L["blocks"][0](z_L + (z_H + x))  # the paper's equation of z_L
        return self.f_H["blocks"][0](z_H + z_L), z_L  # and that of z_H

    def segment(self, z_H, z_L, inputs):
        """Return the next states, without gradient, the logits of ŷ, and those of (Q̂_halt, Q̂_continue)."""
        prefix = self.f_I["puzzle_embedding"].weight.expand(len(inputs), 1, D)
        x = D**0.5 * torch.cat((prefix, self.f_I["token_embedding"](inputs)), dim=1)  # x̃ = f_I(x)
        with torch.no_grad():
            for _ in range(N - 1):
                z_H, z_L = self.cycle(z_H, z_L, x)
        z_H, z_L = self.cycle(z_H, z_L, x)  # only the last cycle carries gradient: memory does not grow with N
        return z_H.detach(), z_L.detach(), self.f_O["output_head"](z_H)[:, 1:], self.q_head(z_H[:, 0])


def puzzles(count, generator):
    """Return questions and answers: cells of one of the 288 grids are blanked while one answer is left."""
    rows = torch.tensor(list(itertools.permutations((2, 3, 4, 5))))
    grids = rows[torch.cartesian_prod(*[torch.arange(24)] * 4)].flatten(1)
    for group, i in itertools.product(GROUPS[1:], range(4)):  # each has all four digits
        grids = grids[(grids[:, group == i].sort(1).values == rows[0]).all(1)]
    questions = {}
    while len(questions) < count:
        answer = grids[int(torch.randint(len(grids), (), generator=generator))]
        question = answer.clone()
        for cell in torch.randperm(16, generator=generator)[:12].tolist():
            question[cell] = 1
            question[cell] = answer[cell] if ((grids == question) | (question == 1)).all(1).sum() > 1 else 1
        questions[tuple(question.tolist())] = answer
    return torch.tensor(list(questions)), torch.stack(list(questions.values()))


@torch.no_grad()
def accuracy(model, questions, answers):
    (z_H, z_L), shares = model.initial(len(questions)), []
    for _ in range(M_MAX):
        z_H, z_L, logits, _ = model.segment(z_H, z_L, questions)
        shares.append(100 * float((logits.argmax(-1) == answers).all(1).float().mean()))
    return shares


def train(updates, seed=0, batch=64):
    torch.manual_seed(seed)
    model, (questions, answers) = MiniHRM(), puzzles(2000, torch.Generator().manual_seed(seed))
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.1)
    (z_H, z_L), halted = model.initial(batch), torch.ones(batch, dtype=torch.bool)  # every slot is free
    (inputs, labels), (used, least) = torch.zeros(2, batch, 16, dtype=torch.long), torch.zeros(2, batch)
    for update in range(1, updates + 1):  # deep supervision: each segment is an update of its own
        rows, fresh = torch.randint(1000, (batch,)), halted[:, None]  # the other 1,000 puzzles stay unseen
        rename = torch.cat((torch.tensor([[0, 1]]).expand(batch, 2), 2 + torch.rand(batch, 4).argsort()), 1)
        inputs = torch.where(fresh, rename.gather(1, questions[rows]), inputs)
        labels = torch.where(fresh, rename.gather(1, answers[rows]), labels)
        start_H, start_L = model.initial(batch)
        z_H, z_L = torch.where(fresh[..., None], start_H, z_H), torch.where(fresh[..., None], start_L, z_L)
        explored = (torch.rand(batch) < 0.1) * torch.randint(2, M_MAX + 1, (batch,))  # M_min, with probability ε
        used, least = torch.where(halted, 0, used) + 1, torch.where(halted, explored, least)
        z_H, z_L, logits, q = model.segment(z_H, z_L, inputs)
        halted = (used >= M_MAX) | ((q[:, 0] > q[:, 1]) & (used >= least))
        right = (logits.argmax(-1) == labels).all(1).float()
        with torch.no_grad():  # Ĝ_continue = max(Q̂_halt, Q̂_continue) of the next segment; at M_max: its Q̂_halt
            ahead = model.segment(z_H, z_L, inputs)[3]
            value = torch.where(used >= M_MAX, ahead[:, 0], ahead.max(1).values).sigmoid()
        halting_loss = F.binary_cross_entropy_with_logits(q, torch.stack((right, value), 1))
        (loss := F.cross_entropy(logits.transpose(1, 2), labels) + halting_loss).backward()
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, update / 100) * (1.1 - update / updates)
        optimizer.step(), optimizer.zero_grad()
        if update % 200 == 0 or update == updates:
            shares = " ".join(f"{share:.1f}" for share in accuracy(model, questions[1000:], answers[1000:]))
            print(f"update {update}: loss {loss:.3f}; exact in % of 1,000 unseen puzzles by segment: {shares}")
    return model


if __name__ == "__main__":
    train(int(sys.argv[1]) if len(sys.argv) > 1 else 1600)
