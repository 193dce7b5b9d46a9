.DEFAULT_GOAL := help
BIN := venv/bin

.PHONY: help setup run stop check test lint type format bench judgement soak diagnose lock

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## make the virtualenv with everything in it
	./deploy_update.sh --tests

run: ## install, start, and wait until deals arrive
	./deploy_update.sh

stop: ## stop everything in order
	$(BIN)/python -m keepa_deals.processes stop

check: ## what CI runs, to the letter
	.ci/run

test: ## the tests alone
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: ## ruff and shellcheck
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/shellcheck ./*.sh .ci/run

type: ## mypy, strict
	$(BIN)/mypy

format: ## let ruff put it in order
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: ## the quick benchmarks, one after the other
	$(BIN)/python benchmarks/save_page.py && $(BIN)/python benchmarks/permission.py && $(BIN)/python benchmarks/installation.py

judgement: ## judge two simulated worlds and score it against what came true (20 minutes)
	$(BIN)/python benchmarks/judgement.py

soak: ## half an hour or more of random faults
	$(BIN)/python tests/faults/soak.py

diagnose: ## does it work, and why not
	$(BIN)/python Diagnostics/comprehensive_diag.py

lock: ## pin what requirements*.in ask for
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q requirements.in -o requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q requirements-dev.in -o requirements-dev.txt
