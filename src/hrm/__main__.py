"""``python -m hrm``: the command line."""

from hrm.cli.main import run

if __name__ == "__main__":
    run()
