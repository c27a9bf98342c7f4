"""Sign-SGD for puzzle tables: a row moves only when a batch touches it."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer


class SparseSignSGD(Optimizer):
    """row ← row·(1 − lr·wd) − lr·sign(Σ gradients of the row), for the rows of a sparse gradient.

    Every row moves where the gradient is dense, as that of a table of one row is.

    A row is seen so seldom that Adam's moments would be those of its last sight; their limit is the sign.

    Source: official code, sparse embedding; HRM paper has no word on it.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move the touched rows of every table."""
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is None:
                    continue
                decay = 1 - group["lr"] * group["weight_decay"]
                if table.grad.is_sparse:
                    rows, grad = table.grad._indices()[0], _summed(table.grad)
                    # a row that is named twice gets the same twice
                    table[rows] = table[rows] * decay - group["lr"] * grad.sign()
                else:
                    table.copy_(table * decay - group["lr"] * table.grad.sign())


def _summed(grad: Float[Tensor, "rows D"]) -> Float[Tensor, "touched D"]:
    """Return for each row that a sparse gradient names, twice or not, the sum of all that it says of this row.

    ``coalesce`` would do the same, but ask the device how many different rows there are, and wait for the answer.
    """
    rows, values = grad._indices()[0], grad._values()
    place = torch.searchsorted(rows.sort().values, rows)  # of the first of those alike
    # the gradient of an embedding is this sum, with the same bits at each repeat, on GPUs too
    return torch.ops.aten.embedding_dense_backward(values, place, len(rows), -1, False)[place]
