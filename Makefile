# GlassGPT: everything a person or CI does here. Needs Python 3.11 or later, pip and make.
#
#   make run     install into .venv, then let the model that ships with GlassGPT write a text
#   make explore install, and open the Explorer
#   make page    build the Explorer's page again, if its sources changed
#   make test    install, then run all tests: the unit part first, the slow part after it
#   make unit    the unit part only
#   make release-faults  the fault tests with ten times as many faults: most of an hour
#   make check   lint, formatting, types, architecture, the page's types
#   make bench   the benchmarks that need nothing but this repository
#   make clean   remove .venv and what tools left behind
#
# Another Python: make PYTHON=python3.12 run. Another package index: pip's own variables, such as PIP_INDEX_URL.

PROMPT ?= It was a dark night, and the captain
BENCHMARKS ?= fidelity tokenize_text generate
VENV := .venv
BIN := $(VENV)/bin
# Looked for only when the environment is made: the first Python here that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Tests run in two processes of one thread each, as many as the smallest machine they are meant for has cores.
PYTEST = $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.PHONY: run explore page try-page test unit slow release-faults check bench clean
.DEFAULT_GOAL := run

run: $(VENV)/installed
	$(BIN)/glassgpt generate "$(PROMPT)" --max-new-tokens 120 --temperature 0.8 --top-k 40 --seed 1
	$(BIN)/glassgpt next "$(PROMPT)"

explore: $(VENV)/installed page
	$(BIN)/glassgpt explore

page: $(VENV)/installed
	@$(BIN)/python web/build.py

# With npm, or with the Node that pip fetches. Nothing but the Explorer needs the page.
try-page: $(VENV)/installed
	@$(BIN)/python web/build.py --try

test: unit slow

unit: $(VENV)/installed-for-tests try-page
	$(PYTEST) -m "not slow and not gpu and not weights and not release"

slow: $(VENV)/installed-for-tests try-page
	$(PYTEST) -m "(slow or gpu or weights) and not release"

release-faults: $(VENV)/installed-for-tests
	$(PYTEST) -m release tests/faults

check: $(VENV)/installed-for-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python web/build.py --check

bench: $(VENV)/installed-for-tests
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf $(VENV) build dist web/node_modules src/glassgpt/explorer/page src/glassgpt/interpret/page .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second call skip the installation until the list of packages changes.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing GlassGPT and PyTorch into $(VENV): a minute or two, once" >&2
	@$(PIP) --upgrade pip
	@$(PIP) torch
	@$(PIP) --build-constraint constraints.txt --editable '.[explore]'
	@$(BIN)/python web/build.py --try
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	@echo "Installing the tools for tests and checks into $(VENV)" >&2
	@$(PIP) --group test --group check
	@touch $@

# Some systems ship Python without ensurepip; there the pip outside fills the new environment.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "GlassGPT needs Python 3.11 or later; found none" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --python $@ install --quiet pip; }
