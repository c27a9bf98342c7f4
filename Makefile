# Everything here sets itself up: a fresh clone needs Python 3.11 or later and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo bench gpu docs web-runtime test test-all check clean
.DEFAULT_GOAL := setup

setup: $(READY)  ## create .venv with everything that demo and test need

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: setup  ## learn 4×4 Sudoku from scratch in three to four minutes and solve unseen puzzles
	$(BIN)/hrm demo

bench: setup  ## how fast it is here: the better part of an hour; BENCH=--quick takes a minute
	$(BIN)/hrm bench $(BENCH)

gpu: setup  ## on a machine with a GPU: its tests and the quick benchmark, into gpu-report.md
	$(BIN)/python tests/bench/gpu.py gpu-report.md

docs: setup  ## write the pages of docs that come from the code: cli, python-api, file-formats, schemas
	$(BIN)/python docs/reference.py

web-runtime:  ## what `hrm export MODEL… FOLDER --to web` copies into a site, from npm
	npm install --prefix . --no-save --no-package-lock --ignore-scripts --no-audit --no-fund onnxruntime-web@1.30.0

test: check  ## the test suite: at most 8 minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not gpu" -q --durations=20

test-all: check  ## with the tests that take minutes, the notebook, exact searches beside a SAT solver, sites in a browser
	if command -v npm >/dev/null; then $(MAKE) web-runtime; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,notebook,oracles]"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright src

clean:
	rm -rf $(VENV)
