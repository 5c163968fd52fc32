# Every target, with one comment each: make help.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
UV_VERSION := 0.13.9
PYTEST_ARGS ?=
# Where no bytecode may be kept, each process compiles what it imports anew: 15 s for torch and torch-geometric in place of 5.
export PYTHONDONTWRITEBYTECODE :=
TEST_PROCESSES ?= 2

.PHONY: help install demo up down test test-unit test-faults lint format types imports docs constraints bench-accuracy bench-serving bench-api bench-ingest clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.installed  ## Make the virtual environment with everything in it (uv first; quick when nothing changed)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; give it by: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/uv
	$(UV) pip install --quiet --constraint constraints.txt --editable '.[train,demo]' --group dev
	@touch $@

demo: install  ## The main job: start everything, import real purchases, train, embed, recommend, explain
	$(BIN)/interestgraph demo

up: install  ## Start Neo4j, Valkey, API and workers; come back when they answer
	$(BIN)/interestgraph up

down: install  ## Stop everything that up or demo started
	$(BIN)/interestgraph down

test: install  ## All tests, with real servers, in two processes; one by one: make test TEST_PROCESSES=0
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --no-loadscope-reorder $(PYTEST_ARGS)

test-unit: install  ## Only the tests that start no server
	$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

test-faults: install  ## The long tests of faults: parts killed, disk full, clock back; about half an hour
	$(BIN)/python -m pytest tests/faults -m "faults or not faults" $(PYTEST_ARGS)

lint: install  ## Style and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: install  ## Put the code in form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: install  ## Types, strictly
	$(BIN)/mypy

docs: install  ## Make the generated pages again: settings, command line, statements, OpenAPI
	$(BIN)/python -m interestgraph.cli.reference

constraints: $(BIN)/uv  ## Pin the newest versions that fit together
	$(UV) pip compile --quiet --upgrade --all-extras --group dev --no-header --no-annotate --python-version 3.11 pyproject.toml --output-file constraints.txt

bench-accuracy: install  ## Accuracy on the demo's held-out last weeks, against popularity and counted co-occurrence
	$(BIN)/python -m benchmarks.accuracy.demo

bench-serving: install  ## Time and memory of one recommendation on the running graph
	$(BIN)/python -m benchmarks.serving

bench-api: install  ## Latency of the REST API on the running stack
	$(BIN)/python -m benchmarks.api_latency $(ARGS)

bench-ingest: install  ## How fast events become graph, on a stack of its own; make bench-ingest ARGS="--quick --only stream"
	$(BIN)/python -m benchmarks.ingest $(ARGS)

clean:  ## Remove the virtual environment and caches of tools
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
