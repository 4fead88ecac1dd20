# What a person types. `make help` lists it; anything longer than a line lives in a script.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help up down reset backup restore images compose-up compose-down compose-doctor compose-backup compose-restore test lint bench siege

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

up: ## start AlphaPulse (sets it up the first time); Ctrl-C stops it
	@hub/set-up.sh
	@exec $(PYTHON) -m hub up

down: ## stop it from another terminal
	@test -x $(PYTHON) || { echo "alphapulse: nothing is set up here; run: make up" >&2; exit 1; }
	@exec $(PYTHON) -m hub down

reset: ## forget everything it keeps in ALPHAPULSE_HOME; asks first
	@test -x $(PYTHON) || { echo "alphapulse: nothing is set up here; run: make up" >&2; exit 1; }
	@exec $(PYTHON) -m hub reset

backup: ## write all that it keeps into FILE=..., also while it is up
	@test -x $(PYTHON) || { echo "alphapulse: nothing is set up here; run: make up" >&2; exit 1; }
	@exec $(PYTHON) -m hub backup "$(FILE)"

restore: ## put the backup FILE=... into an empty ALPHAPULSE_HOME
	@hub/set-up.sh
	@exec $(PYTHON) -m hub restore "$(FILE)"

images: ## build the images (docs/how-to/images.md)
	@exec docker/build.sh

compose-up: ## start all parts as containers, with TLS and PostgreSQL (docs/how-to/compose.md)
	@exec docker/compose.sh up

compose-down: ## stop them, and people's; what they keep stays
	@exec docker/compose.sh down

compose-doctor: ## say of each part whether it is well, and what mends it
	@exec docker/compose.sh doctor

compose-backup: ## write all that they keep into FILE=..., also while they are up
	@exec docker/compose.sh backup "$(FILE)"

compose-restore: ## put the backup FILE=... into new volumes, on a machine that has none of theirs
	@exec docker/compose.sh restore "$(FILE)"

test: ## run all tests, installing what they need
	@exec tests/run.sh

lint: ## ruff, mypy, import-linter
	@hub/set-up.sh test
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

bench: ## the ratios that tests/benchmarks promises, measured in one run
	@hub/set-up.sh test
	@for each in tests/benchmarks/bench_*.py; do $(PYTHON) -m tests.benchmarks.$$(basename $$each .py) || exit 1; done

siege: ## the long proofs: each part of a hub killed twenty times, a hundred imports killed and run again
	@hub/set-up.sh test
	@exec $(PYTHON) -m pytest -m "siege or survival"
