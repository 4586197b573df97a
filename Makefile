# Every target sets up what it needs and is quick the second time. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup assets browser run test check bench lock clean

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# The stamp changes with the lock file, so that a new lock is installed and an old one is not installed again.
STAMP := .venv/.ready-$(shell cat requirements-dev.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)

$(STAMP):
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and was not found. Install it (Debian: apt install python3 python3-venv), then run make again."; exit 1; fi
	@if [ ! -x $(BIN)/pip ]; then echo "Making a virtual environment in .venv …"; rm -rf .venv; \
		$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv, then run make again."; rm -rf .venv; exit 1; }; fi
	@echo "Installing Python packages …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock || { echo "The packages could not be installed. Check the network, then run make again."; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f .venv/.ready-*; touch $@

setup: $(STAMP) ## set up .venv/ and the page assets, nothing else
	@$(BIN)/python static/build.py

browser: setup ## find or install a Chromium for the browser tests
	@$(BIN)/python -m tests.chromium

run: setup ## start everything on SQLite with sample data: http://127.0.0.1:8000
	@$(BIN)/newsletter migrate
	@$(BIN)/newsletter demo --if-new
	@exec $(BIN)/newsletter run

# A part, which you name, runs in one process; all of it in as many as there are processors. Each gets a stretch of the
# tests and takes some from another's when it is through, so that those of one directory seldom meet.
test: browser ## the whole test suite (T="…" passes arguments to pytest)
	@$(BIN)/pytest $(or $(T),--numprocesses auto --maxprocesses 8 --dist worksteal)

check: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: setup ## the benchmarks
	@$(BIN)/python -m benchmarks

lock: setup ## write the lock files again after a change of dependencies in pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock

clean: ## remove what was set up (keeps var/, where your data is)
	@rm -rf .venv node_modules static/built .mypy_cache .ruff_cache .hypothesis screenshots
