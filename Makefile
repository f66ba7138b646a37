# Everything runs in .venv, which the first target makes. PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo_results
# Tests of one file stay in one process, as they share what is costly to make.
TEST_PROCESSES ?= 2

.PHONY: demo test lint types docs check clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

demo: .venv/installed
	$(BIN)/nnunet-cipa demo $(DEMO) --rows

test: .venv/installed
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/installed
	$(BIN)/mypy

docs: .venv/installed
	$(BIN)/mkdocs build --strict

check: lint types docs test

clean:
	rm -rf .venv site build dist *.egg-info
