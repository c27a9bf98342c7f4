"""The three methods of a solver that models on the Hugging Face Hub usually have, named and called as there."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from hrm.checkpoint import save_checkpoint
from hrm.data.task_table import TaskTable
from hrm.errors import UsageError
from hrm.hub.card import hub_card
from hrm.hub.fetch import fetch, parse
from hrm.hub.send import make_repository, require_name, send
from hrm.inference.origin import Origin
from hrm.inference.weights import load_model
from hrm.model.network import Network

S = TypeVar("S", bound="HubMethods")
MESSAGE = "Push a model of hierarchical-reasoning"


class HubMethods:
    """Saving a model for the hub, sending it there, and bringing it from there."""

    if TYPE_CHECKING:  # what a solver has
        model: Network
        table: TaskTable | None
        origin: Origin | None
        of: Any

    @property
    def _known_origin(self) -> Origin:
        """The configuration and history of the model.

        Raises:
            UsageError: the solver was put together by hand.
        """
        if self.origin is None:
            raise UsageError(
                "this solver does not know its configuration: save a model that hrm.load or a Trainer made"
            )
        return self.origin

    def _write(self, folder: str | Path, card: str | None, as_json: bool = False) -> None:
        """Write the model as a checkpoint folder.

        Args:
            card: the model card as Markdown.
            as_json: with ``config.json``, as models on the hub have it.

        Raises:
            UsageError, HrmError: as ``save``.
        """
        origin = self._known_origin
        save_checkpoint(
            folder, config=origin.config.to_toml(), weights=self.model.state_dict(), meta=origin.meta, card=card,
            table=self.table, as_json=as_json,
        )  # fmt: skip

    def _hub_card(self, repo_id: str | None, more: dict[str, Any] | None) -> str:
        origin = self._known_origin
        return hub_card(origin.config, origin.meta, origin.card, origin.weights_sha256, repo_id, **(more or {}))

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Save the model as the hub has it: config.json, model.safetensors, a card with its results, and a manifest.

        Args:
            repo_id: its name on the hub, for the card. Default: the name of the folder.
            push_to_hub: also send it; returns the URL of the commit.
            model_card_kwargs: ``license``, ``records`` (files of ``hrm eval --record``) and ``tags``.
            push_to_hub_kwargs: as in ``push_to_hub``.

        Raises:
            UsageError: huggingface_hub is missing, no repository can have this name, a record is of other weights, or
                the folder holds something else.
            HrmError: the folder cannot be written, or the hub refuses.
        """
        if repo_id is not None:
            require_name(repo_id)
        self._write(save_directory, self._hub_card(repo_id, model_card_kwargs), as_json=True)
        if not push_to_hub:
            return None
        repo_id = repo_id or Path(save_directory).resolve().name
        return self.push_to_hub(repo_id, model_card_kwargs=model_card_kwargs, **push_to_hub_kwargs)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str = MESSAGE,
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
        model_card_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Send the model to the hub in one commit, and return its URL.

        Args:
            repo_id: ``ORG/NAME``, or ``NAME`` for your own account; created if missing.
            branch: Default: ``main``.
            model_card_kwargs: as in ``save_pretrained``.

        Raises:
            UsageError: huggingface_hub is missing, or the name is none of a model.
            HrmError: the hub cannot be reached, or refuses.
        """
        self._hub_card(repo_id, model_card_kwargs)  # a record that does not fit leaves no empty repository
        repo_id = make_repository(repo_id, private, token)
        with TemporaryDirectory() as folder:
            place = Path(folder) / "model"
            self.save_pretrained(place, repo_id=repo_id, model_card_kwargs=model_card_kwargs)
            return send(
                place, repo_id, commit_message=commit_message, token=token, branch=branch,
                create_pr=create_pr, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns,
                delete_patterns=delete_patterns,
            )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls: type[S],
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int = 64,
    ) -> S:
        """Return a solver from ``ORG/NAME`` on the hub, or from a folder.

        Args:
            revision: branch, tag or commit. Default: ``main``.
            device, precision, batch_size: as in ``hrm.load``.

        Raises:
            UsageError: huggingface_hub is missing, or there is no such model or revision.
            DataError: what is there is no model of this package, or a damaged one.
            HrmError: the hub cannot be reached.
        """
        name, folder = str(pretrained_model_name_or_path), Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            wanted = parse(name)
            folder = fetch(
                wanted._replace(revision=revision or wanted.revision), force_download=force_download, token=token,
                cache_dir=cache_dir, local_files_only=local_files_only,
            )  # fmt: skip
        return cls.of(*load_model(folder, device, precision), name, batch_size)
