"""What the command line says of an answer."""

import hrm
from hrm.cli.answers import verdict


def test_one_segment_is_one():
    solver = hrm.load("sudoku-4x4", "cpu")
    assert verdict(solver.solve("..1.4.....2.3...", segments=1)).startswith("keeps every rule; 1 segment, q_halt ")
    assert "; 2 segments, q_halt " in verdict(solver.solve("..1.4.....2.3...", segments=2))


def test_padding_is_no_symbol_of_a_table(tmp_path, capsys):
    from hrm.cli.main import main

    (tmp_path / "rows.csv").write_text("input,output\nba,ab\ncab,abc\n")
    assert main(["data", "check", str(tmp_path / "rows.csv"), "--puzzle", "table"]) == 0
    assert "2 with an answer; 'a' 2, 'b' 2, 'c' 1\n" in capsys.readouterr().out
