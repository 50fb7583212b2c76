# The two commands that matter: `make demo` and `make test`. `make` alone lists the others.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# What the suite itself needs, without what the tests need: machines that Playwright has no wheel for run it all the same.
RUNS := .venv/.runs
SOURCES := hmlib nexus_srv wiki_srv treasury_srv

.DEFAULT_GOAL := help
.PHONY: help install demo test test-faults bench lint format down clean system

help: ## list what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

install: $(INSTALLED) ## build .venv with everything in it

PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable

$(RUNS): pyproject.toml constraints.txt $(wildcard *_srv/__init__.py)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv"
	@$(PIP) '.[postgres]'
	@touch $@

$(INSTALLED): $(RUNS)
	@$(PIP) '.[postgres,test]'
	@touch $@

NPM := tests/npm/node_modules/.package-lock.json
$(NPM): tests/npm/package.json tests/npm/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests/npm || echo "npm has not installed; a test will say so"; fi

demo: $(RUNS) ## fill a demo MSP, start the suite, print addresses and logins
	@$(BIN)/hm init --demo
	@$(BIN)/hm up --detach

test: install system $(NPM) ## run every test, on SQLite and on PostgreSQL, in Chromium and with real processes
	@$(BIN)/python -m tests.everything

test-faults: install system ## kill, starve and flood the suite for a long time; `make test` does so for a short one
	@$(BIN)/python -m tests.everything faults

bench: install system ## measure every figure beside its limit
	@$(BIN)/python -m bench

lint: install ## look at form and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(SOURCES)

format: install ## bring the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

down: ## stop the suite
	@test ! -x $(BIN)/hm || $(BIN)/hm down

clean: down ## remove what was built; data in var/ stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

system: ## install Chromium, PostgreSQL and wrk where we are root and they are missing
	@.ci/system
