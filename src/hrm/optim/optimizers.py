"""The optimizers of one network as one thing: build, move, save, load."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from hrm.optim.adam_atan2 import AdamATan2
from hrm.optim.config import OptimConfig
from hrm.optim.schedule import lr_factor
from hrm.optim.sign_sgd import SparseSignSGD


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

    def step(self, update: int) -> float:
        """Make update number ``update`` (from 1), clear the gradients, return the factor on the rates."""
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
        return factor

    def state(self) -> dict[str, Tensor]:
        """Return every tensor of the optimizers under ``<parameter>/<quantity>``."""
        return {
            f"{self._names[id(p)]}/{quantity}": value
            for optimizer in self._optimizers
            for p, values in optimizer.state.items()
            for quantity, value in values.items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take back what ``state`` returned."""
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                for p in group["params"]:
                    prefix = f"{self._names[id(p)]}/"
                    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                    if own:
                        if wrong := [k for k, v in own.items() if k != "step" and v.shape != p.shape]:
                            raise ValueError(f"{prefix}{wrong[0]} has not the shape of its parameter")
                        # clones: an optimizer moves its state in place
                        optimizer.state[p] = {
                            k: v.clone() if k == "step" else v.clone().to(p.device) for k, v in own.items()
                        }
