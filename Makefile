# `make demo`, `make docs` and `make test` need only Python 3.10+ and make; they set up everything else in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch 2.13.0 has a CPU build; without the constraint some platforms fetch gigabytes of GPU libraries.
TORCH ?= torch==2.13.0

.PHONY: demo test test-slow check docs clean

$(BIN)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	echo "$(TORCH)" > $(VENV)/constraints.txt
	$(BIN)/python -m pip install -q -c $(VENV)/constraints.txt -e ".[dev]"
	touch $@

demo: $(BIN)/.installed  ## find the wrong images among handwritten digits, and prove that new GANs gain; open runs/demo/report.html
	$(BIN)/gansift run digits-dirty --outdir runs/demo

check: $(BIN)/.installed
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/ruff check src tests benchmarks tools
	$(BIN)/mypy

docs: $(BIN)/.installed  ## the documentation site, with its examples executed; open build/site/index.html
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(BIN)/python -m mkdocs build --strict --quiet

test: check docs  ## style, types, the site and tests, but for those marked slow
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

test-slow: $(BIN)/.installed  ## the tests that take longest: runs killed at random moments, compiled steps, whole examples
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m slow

clean:
	rm -rf $(VENV) runs build
