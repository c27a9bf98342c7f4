"""No version with a known hole is allowed, and everything that `make setup` installs is pinned."""

import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hrm.workflows.doctor import HOLES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EVERYTHING = ["dev", "notebook", "oracles"]
"""The extras that `make test-all` installs."""


def declared(extras=tuple(PROJECT["optional-dependencies"])):
    """Return the requirements of the package with some extras; of its own name the extras behind it."""
    texts = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    return [Requirement(text) for text in texts]


def floor(requirement):
    """Return the lowest version that a requirement allows; None where it names none."""
    lowest = [Version(part.version) for part in requirement.specifier if part.operator in (">=", "==")]
    return max(lowest, default=None)


def pins():
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines if line}


@pytest.mark.parametrize("name", HOLES)
def test_what_is_declared_has_no_known_hole(name):
    lowest = Version(HOLES[name][0])
    stated = [floor(each) for each in declared() if canonicalize_name(each.name) == name]
    assert stated and all(each is not None and each >= lowest for each in stated), f"{name}: {HOLES[name][1]}"
    assert Version(pins()[name]) >= lowest


def test_every_dependency_has_a_floor():
    assert not [str(each) for each in declared() if floor(each) is None and each.name != PROJECT["name"]]


def test_pins_are_exact():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        text = line.split("#")[0].strip()
        if text:
            operators = [part.operator for part in Requirement(text).specifier]
            assert operators == ["=="] and "*" not in text, line


def needed():
    """Return the names of all that the package needs with everything, as far as it is installed."""
    found, waiting = set(), [(each, ()) for each in declared(EVERYTHING)]
    met = set()
    while waiting:
        requirement, extras = waiting.pop()
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        name, inner = canonicalize_name(requirement.name), tuple(sorted(requirement.extras))
        if (name, inner) in met:
            continue
        met.add((name, inner))
        if name == PROJECT["name"]:
            waiting += [(each, ()) for each in declared(inner)]
            continue
        found.add(name)
        try:
            waiting += [(Requirement(text), inner) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
    return found


def test_everything_that_is_needed_is_pinned():
    of_cuda = {name for name in needed() if name.startswith(("nvidia-", "cuda-", "triton"))}  # of another torch
    assert needed() - of_cuda - set(pins()) == set()


def test_what_is_installed_has_no_known_hole():
    for name, (lowest, hole) in HOLES.items():
        try:
            assert Version(version(name)) >= Version(lowest), f"{name}: {hole}"
        except PackageNotFoundError:
            continue
