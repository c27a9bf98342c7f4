"""Components keep the names that scripts read."""

from pathlib import Path

import pytest

from hrm.workflows.params import count

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints" / "format-1"


@pytest.mark.parametrize(
    ("kind", "stacks"), [("recurrent", {"f"}), ("direct", {"blocks"}), ("hrm-attention", {"f_L", "f_H"})]
)
def test_stacks_keep_their_names(kind, stacks):
    components = count(str(FIXTURES / kind))["components"]
    assert set(components) - {"token_embedding", "position_embedding", "output_head", "q_head"} == stacks
