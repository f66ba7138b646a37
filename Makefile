# Everything runs in .venv, which the first target makes. PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
BIN := .venv/bin
OLDEST_PYTHON ?= $(shell python3.10 --version >/dev/null 2>&1 && echo python3.10 || echo $(PYTHON))
DEMO ?= demo_results
# Where the rows of docs/evidence.md are trained, and more words for it, as EVIDENCE_OPTIONS="--rows 2d sim --seeds 0".
EVIDENCE ?= build/evidence
EVIDENCE_OPTIONS ?=
# Tests of one file stay in one process, as they share what is costly to make.
TEST_PROCESSES ?= 2
# TESTS chooses a part of the tests, as TESTS="tests/ops tests/weights"; PART=1 to PART=4 every fourth file, for four
# machines that share them.
TESTS ?= $(if $(PART),$(shell find tests -name 'test_*.py' | LC_ALL=C sort | awk 'NR % 4 == $(PART) % 4'))

.PHONY: demo evidence test test-oldest test-clients coverage lint types docs check clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

demo: .venv/installed
	$(BIN)/nnunet-cipa demo $(DEMO) --rows --overwrite

evidence: .venv/installed
	$(BIN)/python -m tests.measurements.evidence run $(EVIDENCE) $(EVIDENCE_OPTIONS)
	$(BIN)/python -m tests.measurements.evidence report

test: .venv/installed
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(TESTS)

# The same with the oldest versions that pyproject.toml allows, in an environment of its own. OLDEST_PYTHON chooses its
# interpreter: 3.10, the oldest, where it is found.
.venv-oldest/installed: pyproject.toml tests/oldest.txt
	$(OLDEST_PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/oldest.txt --editable '.[dev]'
	touch $@

test-oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile $(TESTS)

# Dice of what other Python readers make of exported structure sets, each in an environment of its own.
test-clients: .venv/installed
	$(BIN)/python -m tests.measurements.readers

# The tests, and which lines and branches they reach: a table here, pages in build/coverage.
coverage: .venv/installed
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --cov --cov-report term \
		--cov-report html:build/coverage $(TESTS)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# As it is installed, where dataset_conversion has its one name.
types: .venv/installed
	rm -rf build/lib build/types
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target build/types .
	cd build/types && $(abspath $(BIN))/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache nnunet_cipa
	cd build/types && PYTHONPATH=. $(abspath $(BIN))/lint-imports --no-logo ../../pyproject.toml

docs: .venv/installed
	$(BIN)/mkdocs build --strict

check: lint types docs test

clean:
	rm -rf .venv .venv-oldest site build dist *.egg-info .coverage
