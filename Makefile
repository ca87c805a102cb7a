# `make` alone lists the targets.
SHELL = /bin/sh
.DEFAULT_GOAL := help
BIN = .venv/bin
STAMP = .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
# Tests and checks mean this checkout, whatever a person's shell points at.
unexport PYTHONPATH
unexport PYTHONHOME

COVERED = fields portals sync pipelines

.PHONY: help setup demo test check fmt lock lab lab-full chaos bench bench-large clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: $(STAMP) ## create .venv with the locked dependencies; at once when nothing changed

$(STAMP): requirements.lock pyproject.toml setup.py
	@python=$$(sh .ci/python) || exit 1; \
	echo "setup: creating .venv with $$($$python --version)"; \
	$$python -m venv .venv
	@echo "setup: installing the locked dependencies (a minute or two the first time)"
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@echo "setup: installing propspider from this folder"
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@
	@echo "setup: done"

demo: $(STAMP) ## the whole thing offline in about a minute, on a simulated portal
	@$(BIN)/propspider demo

test: $(STAMP) ## every test; fails below 95 % coverage of what decides about data
	$(BIN)/pytest -n 2 --dist loadfile $(COVERED:%=--cov=propspider.%) --cov-report=term-missing:skip-covered --cov-fail-under=95

check: $(STAMP) ## style, types, import directions, migrations against models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/propspider db check

fmt: $(STAMP) ## format the code and sort its imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra linkage --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q -o requirements.lock
	$(BIN)/uv pip compile requirements-bench.in --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q -o requirements-bench.lock

bench: .venv/.bench-installed ## what it costs beside the plain way of doing the same, in ten minutes; docs/benchmarks.md
	@$(BIN)/python -m benchmarks

bench-large: .venv/.bench-installed ## the same with a million listings in need
	@$(BIN)/python -m benchmarks --large

.venv/.bench-installed: $(STAMP) requirements-bench.lock
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements-bench.lock
	@touch $@

lab: $(STAMP) ## a simulated month of the four tiers and each fault, scored by the truth; build/lab.html
	@$(BIN)/propspider lab suite

lab-full: $(STAMP) ## the same on three worlds
	@$(BIN)/propspider lab suite --seeds 3

chaos: $(STAMP) ## 200 days on which everything is killed; all books must balance
	@$(BIN)/propspider lab chaos --seeds 200

clean: ## remove what builds, tests and checks left; .venv and the database stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* .scrapy
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
