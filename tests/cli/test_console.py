from io import StringIO

from rich.console import Console

from hrm.cli.console import progress_line


def test_a_long_job_reports_every_tenth_whatever_the_size_of_its_steps():
    log = StringIO()
    report = progress_line(Console(file=log), "evaluated")
    for done in (*range(128, 1534, 128), 1534):
        report(done, 1534)
    lines = log.getvalue().splitlines()
    assert lines[0] == "evaluated: 256/1534" and lines[-1] == "evaluated: 1534/1534" and len(lines) == 10
