# What a developer does with pyorm; `make` lists it. CI runs the same commands.
#
#   PYTHON=python3.12 make test     another Python, in an environment of its own
#   make test ARGS="tests/sql -x"   arguments for the program a target runs

PYTHON ?= python3
ARGS ?=
N ?= 5000
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BENCH_VENV := .venv-bench
LINT_VENV := .venv-lint
BIN := $(VENV)/bin
SETUP := PYTHON=$(PYTHON) VENV=$(VENV) tools/setup.sh

.DEFAULT_GOAL := help
.PHONY: help demo build debug test features lint format typecheck stubs layers symbols asan faults \
        fuzz-migrations bench docs doctest cov-c valgrind golden clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## load five real tables through a Session and ask them questions (ARGS="--url URL")
	$(SETUP) demo
	$(BIN)/python examples/flights.py $(ARGS)

build: ## make the environment and compile what is stale
	$(SETUP) test

debug: ## compile in place with asserts and without optimisation
	$(SETUP) test
	PYORM_DEBUG=1 $(BIN)/python setup.py -q build_ext --inplace

test: build ## run the tests on SQLite and on a PostgreSQL of their own
	$(BIN)/python -m pytest $(ARGS)

features: ## list the features that no test shows, by area and weight
	$(PYTHON) tools/features.py $(ARGS)

lint: ## ruff and codespell over the Python files
	PYTHON=$(PYTHON) VENV=$(LINT_VENV) tools/setup.sh lint typecheck
	$(LINT_VENV)/bin/ruff check .
	$(LINT_VENV)/bin/codespell

format: ## let ruff lay out the Python files
	PYTHON=$(PYTHON) VENV=$(LINT_VENV) tools/setup.sh lint typecheck
	$(LINT_VENV)/bin/ruff format $(ARGS)

typecheck: ## mypy and pyright, both strict
	PYTHON=$(PYTHON) VENV=$(LINT_VENV) tools/setup.sh lint typecheck
	$(LINT_VENV)/bin/mypy
	$(LINT_VENV)/bin/pyright

stubs: build ## write the .pyi files from the built extension and the sources
	$(BIN)/python -m tools.stubs $(ARGS)

layers: ## check who includes and imports whom
	$(PYTHON) tools/check_layers.py

symbols: build ## check what the extension exports, and lengths of files and functions
	$(BIN)/python -m pytest -q tests/arch $(ARGS)

asan: build ## run the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python -m tools.variant sanitize $(ARGS)

faults: build ## let every allocation fail once (tests/faults)
	$(BIN)/python -m tools.variant faults $(ARGS)

fuzz-migrations: build ## N random models and N/5 chains of edits through autogenerate and back
	PYORM_LAW=$(N) $(BIN)/python -m pytest -s tests/migrations/law $(ARGS)

cov-c: build ## run the tests and print the lines of C they reach
	$(BIN)/python -m tools.variant coverage $(ARGS)

valgrind: build ## run the tests of the C folders under valgrind
	$(BIN)/python -m tools.variant valgrind $(ARGS)

bench: ## compare with SQLAlchemy, drivers and other ORMs (ARGS="--help")
	PYTHON=$(PYTHON) VENV=$(BENCH_VENV) tools/setup.sh bench
	$(BENCH_VENV)/bin/python -m benchmarks $(ARGS)

golden: ## write tests/golden/ again with the real SQLAlchemy
	PYTHON=$(PYTHON) VENV=$(BENCH_VENV) tools/setup.sh bench
	$(BENCH_VENV)/bin/python tools/golden.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_mutations.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_inherit.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_recipes.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_revisions.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_commands.py $(ARGS)
	$(BENCH_VENV)/bin/python tools/golden_operations.py $(ARGS)

docs: ## check that every file and heading the pages link to is there
	$(PYTHON) tools/check_links.py

doctest: build ## run the >>> examples in README.md, docs/ and docstrings
	$(BIN)/python -m pytest -q --doctest-modules --doctest-glob="*.md" README.md docs pyorm $(ARGS)

clean: ## remove what was built; environments stay
	rm -rf build dist *.egg-info pyorm/*.so .pytest_cache .hypothesis .mypy_cache .ruff_cache
