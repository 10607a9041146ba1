# The commands of this project; `make help` lists them. They share one .venv, which the first of them makes.

PYTHON ?= python3
ARGS ?=
PHENOMENA := $(basename $(notdir $(wildcard conf/experiment/phenomenon/*.yaml)))

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8

export WANDB_MODE := offline
export WANDB_ERROR_REPORTING := false

.DEFAULT_GOAL := help
.PHONY: help run table3-digits phenomena course test test-fast test-slow lint format types docs docs-check bench venv

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." adds arguments: make run ARGS="technique=none seed=2"; PYTHON=... names the Python that .venv is made with'

run: venv ## train the default run and say where it lies
	@$(BIN)/improved-gan $(ARGS)

table3-digits: venv ## Table 3's rows on the embedded digits, 3 seeds, and the report on them: some 5 minutes on 2 cores
	$(BIN)/improved-gan -m experiment=digits_table3 hydra/launcher=joblib hydra.launcher.n_jobs=2 $(ARGS)
	@$(BIN)/improved-gan job=report experiment=digits_table3 report.metric=classifier_score $(ARGS)

phenomena: venv ## every phenomenon of docs/phenomena/: its runs, picture and table; some 50 minutes on 2 cores
	@for each in $(PHENOMENA); do \
		$(BIN)/improved-gan -m experiment=phenomenon/$$each hydra/launcher=joblib hydra.launcher.n_jobs=-1 $(ARGS) || status=1; \
	done; exit $${status:-0}

course: venv ## the five exercises of docs/exercises.md, and submission.html to hand in: some 10 minutes on 2 cores
	$(BIN)/python scripts/course.py $(ARGS)

test: venv ## all tests but the slow ones
	$(PYTEST) $(ARGS)

test-fast: venv ## the tests that take under 90 seconds together
	$(PYTEST) -m "not slow and not integration" $(ARGS)

test-slow: venv ## the slow tests (status 5 of pytest: there are none)
	$(PYTEST) --slow -m slow $(ARGS) || [ $$? -eq 5 ]

lint: venv ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: venv ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: venv ## mypy
	$(BIN)/mypy

docs: venv ## the site of docs/ in build/site: every link and anchor must lead somewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet -f .ci/mkdocs.yml

docs-check: venv ## the commands, links and pictures in README.md and docs/
	$(BIN)/python scripts/check_docs.py

bench: venv ## training speed on this machine
	$(BIN)/python scripts/benchmark.py $(ARGS)

venv: ## make .venv, or bring it up to date with pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) here: install Python 3.11 or newer, or name it with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) scripts/make_venv.py .venv

# A pytest worker a core, each with one thread.
test test-fast test-slow: export OMP_NUM_THREADS := 1
