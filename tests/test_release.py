"""A release says the same everywhere, and every package that it brings along has an exact version to test with."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonical(name): version for name, version in found}


def brought_along(requirements, extras=("",), seen=None):
    """Return the names of all packages that are installed for these requirements here."""
    seen = {} if seen is None else seen
    for requirement in map(Requirement, requirements):
        name = canonical(requirement.name)
        wanted = requirement.marker is None or any(requirement.marker.evaluate({"extra": each}) for each in extras)
        if not wanted or seen.get(name, set()) >= {"", *requirement.extras}:
            continue
        if name == PROJECT["name"]:
            for extra in requirement.extras:
                brought_along(EXTRAS[extra], seen=seen)
            continue
        seen.setdefault(name, set()).update({"", *requirement.extras})
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        brought_along(needs, ("", *requirement.extras), seen)
    return set(seen)


def test_the_version_is_the_same_in_all_places():
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    version, date = released[0]
    assert version == PROJECT["version"]
    assert f"\nversion: {version}\n" in cited and f'\ndate-released: "{date}"\n' in cited


def test_every_package_that_is_installed_has_an_exact_version():
    needed = brought_along([*PROJECT["dependencies"], *EXTRAS["dev"]])
    assert {"torch", "starlette", "setuptools"} <= needed
    assert sorted(needed - pins().keys()) == []


def test_the_versions_to_test_with_are_allowed():
    pinned = pins()
    listed = [
        Requirement(line) for line in [*PROJECT["dependencies"], *(each for lines in EXTRAS.values() for each in lines)]
    ]
    for requirement in listed:
        if (name := canonical(requirement.name)) in pinned:
            assert requirement.specifier.contains(pinned[name], prereleases=True), requirement
