"""What tests of a run that goes on are compared with."""

import pytest

from .runs import begun, left, tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A place for runs, and what an undisturbed one has left there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hrm.train.log.has_matplotlib", lambda: False)
        place = tmp_path_factory.mktemp("whole")
        begun(place / "whole", tiny()).fit()
    return place, left(place / "whole")
