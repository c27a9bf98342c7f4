"""Everything that is saved is finite, or the run stops, and a report says which puzzles and numbers were at fault."""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm.errors import DivergedError, HrmError
from hrm.files import replace_file
from hrm.runtime.world import ALONE, World

REPORT = "nan_report.json"
"""Inside the folder of a run that diverged: the update, its puzzles and processes, and all that is not finite."""
NOTED, NAMED = 1000, 100
"""Updates of which notes are kept, and tensors that a report names, at most."""


def gradient_norm(parameters: Iterable[Tensor]) -> Float[Tensor, ""]:
    """Return the norm of all gradients, on their device; it is infinite, too, where a square is."""
    grads = [p.grad for p in parameters if p.grad is not None]
    return torch.stack(torch._foreach_norm([g._values() if g.is_sparse else g for g in grads])).norm()


def non_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the tensors that hold NaN or infinity; where none does, each device is waited for once."""
    numbers = {name: tensor.detach() for name, tensor in tensors.items() if tensor.is_floating_point()}
    suspects = []
    for device in dict.fromkeys(tensor.device for tensor in numbers.values()):
        names = [name for name, tensor in numbers.items() if tensor.device == device]
        # a norm is fast, and finite only where all numbers are; very large ones make it infinite, too
        norms = torch._foreach_norm([numbers[name] for name in names])
        finite = torch.stack([norm.float() for norm in norms]).isfinite().tolist()
        suspects += [name for name, fine in zip(names, finite, strict=True) if not fine]
    return [name for name in suspects if not bool(numbers[name].isfinite().all())]


class Watch:
    """Notes what each update was made of, without waiting for the device, until all is known to be finite.

    Args:
        update: the one after which all was known to be finite.
    """

    def __init__(self, update: int = 0):
        self._notes: deque[tuple[int, Tensor, Tensor, Tensor]] = deque(maxlen=NOTED)
        self._last_finite = update

    def note(self, update: int, draws: Int[Tensor, " B"], loss: Float[Tensor, ""], norm: Float[Tensor, ""]) -> None:
        """Note an update: the numbers of its puzzles' draws, its loss, the norm of its gradient."""
        self._notes.append((update, draws, loss, norm))

    def refuse(
        self,
        tensors: Mapping[str, Tensor],
        update: int,
        folder: Path,
        rows: Callable[[Tensor], list[int]],
        world: World = ALONE,
    ) -> None:
        """Refuse to go on where something is not finite, in any process, and write the report.

        Args:
            tensors: all that is saved.
            update: how many updates were made.
            folder: the run folder.
            rows: returns the rows of the training split that draws show.
            world: the processes that train together; all of them come here.

        Raises:
            DivergedError: what is not finite, since which update.
        """
        bad = non_finite(tensors)
        if not any(world.counts(len(bad))):
            self._notes.clear()
            self._last_finite = update
            return
        # what went wrong first, in the processes where it did
        found = world.all_of(self._first(rows) | {"tensors": bad[:NAMED]})
        first = min((each["update"] for each in found if each["update"]), default=None)
        found_first = [each for each in found if each["update"] == first]
        what = max(each["what"] for each in found_first)  # a loss comes before its gradient
        parts = [each for each in found_first if each["what"] == what]
        bad_in = [rank for rank, each in enumerate(found) if (each["tensors"] if what == "state" else each in parts)]
        report: dict[str, Any] = {
            "update": first, "what": what, "found_at_update": update, "last_finite_update": self._last_finite,
            "processes": bad_in, **{name: [row for each in parts for row in each[name]] for name in ("rows", "draws")},
            "tensors": list(dict.fromkeys(name for each in found for name in each["tensors"])),
        }  # fmt: skip
        if world.leads:
            with suppress(HrmError):  # such as a full disk: what follows matters more
                replace_file(folder / REPORT, (json.dumps(report, indent=1) + "\n").encode())
        when = f"at update {first}" if first else f"after update {self._last_finite}"
        where = f"{report['tensors'][0]!r}" if what == "state" else f"the {what}"
        raise DivergedError(
            f"training diverged {when}: {where} became NaN or infinite; {folder / REPORT} names its puzzles and all "
            f"such tensors. Try a lower --optim.lr. What {folder} has saved is from before that"
        )

    def _first(self, rows: Callable[[Tensor], list[int]]) -> dict[str, Any]:
        """Return the first update with a loss or gradient that is not finite; where there is none, a tensor changed."""
        for update, draws, loss, norm in self._notes:
            for what, number in (("loss", loss), ("gradient", norm)):
                if not bool(number.isfinite()):
                    return {"update": update, "what": what, "rows": rows(draws), "draws": draws.tolist()}
        return {"update": None, "what": "state", "rows": [], "draws": []}
