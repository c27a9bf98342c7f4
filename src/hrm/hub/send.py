"""Send a checkpoint folder to the hub."""

from pathlib import Path
from typing import Any

from hrm.hub.fetch import HubName, explained, library, parse

NOBODY = "me"
"""Stands for the user's own name, where a name of a repository has none, while its letters are checked."""


def require_name(repo_id: str) -> None:
    """Check that a repository can have this name: ``ORG/NAME``, or ``NAME`` for the user's own.

    Raises:
        UsageError: it cannot.
    """
    parse(repo_id if "/" in repo_id else f"{NOBODY}/{repo_id}")


def make_repository(repo_id: str, private: bool | None = None, token: str | None = None) -> str:
    """Make a repository where there is none, and return its name as ``ORG/NAME``.

    Args:
        repo_id: ``ORG/NAME``, or ``NAME`` for the user's own.

    Raises:
        UsageError: huggingface_hub is missing, or the name is none of a model.
        HrmError: the hub cannot be reached, or refuses.
    """
    require_name(repo_id)
    api = library().HfApi(token=token)
    with explained(HubName(repo_id, None)):
        return api.create_repo(repo_id, private=private, exist_ok=True).repo_id


def send(
    folder: Path,
    repo_id: str,
    *,
    commit_message: str,
    token: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
    **patterns: Any,
) -> str:
    """Send the files of a folder to a repository in one commit, and return its URL.

    Args:
        branch: made where there is none.
        patterns: as in ``huggingface_hub.HfApi.upload_folder``.

    Raises:
        UsageError: huggingface_hub is missing.
        HrmError: the hub cannot be reached, or refuses.
    """
    api = library().HfApi(token=token)
    with explained(HubName(repo_id, branch)):
        if branch:
            api.create_branch(repo_id, branch=branch, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id, folder_path=folder, commit_message=commit_message, revision=branch, create_pr=create_pr,
            **patterns,
        )  # fmt: skip
    return str(commit.commit_url)
