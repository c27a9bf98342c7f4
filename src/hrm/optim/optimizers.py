"""The optimizers of one network as one thing: build, move, save, load."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from hrm.optim.adam_atan2 import AdamATan2
from hrm.optim.config import OptimConfig
from hrm.optim.schedule import lr_factor
from hrm.optim.sign_sgd import SparseSignSGD

_KEPT: dict[type[Optimizer], set[str]] = {
    AdamATan2: {"step", "m", "v"},
    AdamW: {"step", "exp_avg", "exp_avg_sq"},
    Muon: {"momentum_buffer"},
    SparseSignSGD: set(),
}
"""What an optimizer keeps of a parameter that it has moved."""


class Optimizers:
    """Every parameter of a network in exactly one optimizer.

    Args:
        config: the settings.
        updates: how many updates the run will make; the cosine ends there.
        named_parameters: all learned parameters of the network.
        matrices: those that Muon may take.
        tables: those with a row for each puzzle id, for sign-SGD.
    """

    def __init__(
        self,
        config: OptimConfig,
        updates: int,
        named_parameters: Mapping[str, nn.Parameter],
        matrices: Sequence[nn.Parameter],
        tables: Sequence[nn.Parameter],
    ):
        self._config = config
        self._updates = updates
        self._names = {id(p): name for name, p in named_parameters.items()}
        # Tables take sign-SGD, hidden matrices Muon where it is asked for, and the rest the Adam of the configuration.
        taken = {id(p) for p in tables}
        self._optimizers: list[Optimizer] = []
        if config.kind == "muon":  # Source: Jordan et al. 2024, with its original scaling √max(1, out/in)
            taken |= {id(p) for p in matrices}
            muon = Muon(matrices, config.muon_lr, config.muon_weight_decay, adjust_lr_fn="original")
            self._optimizers.append(muon)
        adam = AdamATan2 if config.kind == "adam_atan2" else AdamW
        rest = [p for p in named_parameters.values() if id(p) not in taken]
        self._optimizers.append(adam(rest, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay))
        if tables:
            self._optimizers.append(SparseSignSGD(tables, config.puzzle_lr, config.puzzle_weight_decay))
        self._peaks = [group["lr"] for optimizer in self._optimizers for group in optimizer.param_groups]

    def compile(self) -> None:
        """Compile what profits from it."""
        for optimizer in self._optimizers:
            if isinstance(optimizer, AdamATan2):
                optimizer.compile()

    def step(self, update: int) -> None:
        """Make update number ``update``, from 1, and clear the gradients."""
        factor = lr_factor(
            update,
            warmup_updates=self._config.warmup_updates,
            updates=self._updates,
            min_lr_ratio=self._config.min_lr_ratio,
        )
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        for group, peak in zip(groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Return every tensor of the optimizers under ``<parameter>/<quantity>``."""
        return {
            f"{self._names[id(p)]}/{quantity}": value
            for optimizer in self._optimizers
            for p, values in optimizer.state.items()
            for quantity, value in values.items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take back what ``state`` returned.

        Raises:
            ValueError: it is of other optimizers or parameters.
        """
        parts: dict[str, dict[str, Tensor]] = {}
        for path, tensor in state.items():
            name, _, quantity = path.rpartition("/")
            parts.setdefault(name, {})[quantity] = tensor
        for optimizer in self._optimizers:
            for p in (p for group in optimizer.param_groups for p in group["params"]):
                name = self._names[id(p)]
                own = parts.pop(name, {})
                if own and own.keys() != _KEPT[type(optimizer)]:
                    raise ValueError(f"of {name} it keeps {', '.join(own)}, which is not what its optimizer needs")
                for quantity, tensor in own.items():
                    if tensor.shape != (() if quantity == "step" else p.shape):
                        raise ValueError(f"{name}/{quantity} has not the shape of its parameter")
                if own:  # clones: an optimizer moves its state in place
                    optimizer.state[p] = {
                        k: v.clone() if k == "step" else v.clone().to(p.device) for k, v in own.items()
                    }
        if parts:
            raise ValueError(f"it keeps moments of {min(parts)}, which is no parameter")
