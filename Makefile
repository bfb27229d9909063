# `make quickstart` and `make test` need Python 3.11 or newer and nothing else; both set everything up on first use.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
RUN := $(VENV)/bin

.PHONY: quickstart test test-all lint bench site clean

quickstart: $(VENV)/runtime.stamp ## generate the demo data, train five models, print the comparison
	$(RUN)/sirec quickstart

test: $(VENV)/dev.stamp lint ## the gate: lint, types, layers, tests, examples in docstrings, committed tables rendered anew
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=3000 $(RUN)/pytest -m "not slow" -n auto --dist worksteal

test-all: $(VENV)/all.stamp lint ## everything: slow tests, and those that need Ray
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=3000 $(RUN)/pytest -n auto --dist worksteal

lint: $(VENV)/dev.stamp
	$(RUN)/ruff check .
	$(RUN)/ruff format --check --quiet .
	$(RUN)/mypy
	$(RUN)/lint-imports

site: $(VENV)/dev.stamp ## the documentation as web pages, in site/
	NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --strict --site-dir site
	@echo "open site/index.html, or: $(RUN)/python -m http.server --directory site"

bench: $(VENV)/dev.stamp ## seconds and memory of training and evaluation on data/beauty, beside the last committed table
	$(RUN)/python benchmarks/training.py --data data/beauty --before benchmarks/beauty.json

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "sirec needs Python 3.11 or newer, and none was found; try make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/runtime.stamp

$(VENV)/all.stamp: $(VENV)/dev.stamp
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ray]'
	@touch $@

clean:
	rm -rf $(VENV) build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
