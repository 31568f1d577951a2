# The menu. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STUDY ?= demo
DEVICE ?=
CORES ?= 2
PORT ?= 8000
PYTEST_ARGS ?=
export STUDY DEVICE
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help setup book serve test browser lint format bench notebooks lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: STUDY=$(STUDY) DEVICE=$(DEVICE) CORES=$(CORES) PORT=$(PORT) PYTEST_ARGS='$(PYTEST_ARGS)'"

setup: $(INSTALLED) ## install everything into .venv, from requirements.lock

$(INSTALLED): requirements.lock pyproject.toml tools/setup.sh
	@tools/setup.sh

book: $(INSTALLED) ## compute the study and render the book (STUDY=demo: from kept records; DEVICE=cpu)
	@start=$$SECONDS; \
	$(BIN)/python -m book.tools.kernels $(BIN)/snakemake book --cores $(CORES) --config "study=$$STUDY" "device=$$DEVICE" --rerun-incomplete --nolock; \
	echo "book: _build/html/index.html, $$((SECONDS - start)) s"

serve: book ## show the book on this machine (PORT=8000)
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

test: book browser ## unit tests, reference notebooks and the book in a browser (CORES=2)
	@# One worker more than cores: many a test waits for a browser, for another process or for the clock.
	$(BIN)/python -m pytest -q --nbval -n $$(($(CORES) + 1)) tests $(PYTEST_ARGS)

browser: $(INSTALLED) ## find a browser for the tests, or install one
	@$(BIN)/python tests/browser_setup.py

lint: $(INSTALLED) ## style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED) ## correct style and formatting in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## speed on this machine, into results/bench
	$(BIN)/python tools/bench.py
	$(BIN)/python tools/bench_cost.py

notebooks: $(INSTALLED) ## notebooks/*.ipynb from their sources, to run or change by hand
	$(BIN)/jupytext --to ipynb notebooks/*.py

lock: $(INSTALLED) ## resolve requirements.lock again after a change of pyproject.toml
	PATH="$$PATH:build/uv/bin" uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --all-extras --quiet \
	  pyproject.toml -o requirements.lock

clean: ## remove everything computed; the environment stays
	rm -rf build _build .snakemake
