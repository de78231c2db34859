# victor-sim: `make run` answers the main question, `make test` checks everything. Python 3.11 to 3.13 with pip is all it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test storm security fuzz bench growth coverage tidy docs publish lock clean env-run env-dev

SEED ?= 1
WORKERS ?= 2
STUDIES ?= balancers load_sweep stale_signals trace autoscalers autoscalers_trace failover gray_failure spot tail_tolerance
VENV ?= .venv
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# PYTHON=python3.12 picks an interpreter; else it is the first of these that is one of 3.11 to 3.13.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done || true)
BIN := $(VENV)/bin

help: ## these lines
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: env-run ## the main job: which balancing strategy is best, and how sure are we (SEED=1)
	@$(BIN)/victor-sim run experiment=balancers seed=$(SEED)

# a worker that is done takes tests from the other: without it one had the last forty chunks of storms alone
SPREAD := -n $(WORKERS) --dist worksteal

test: env-dev ## all tests, and the coverage of control plane and measure by tests of their own
	@MPLBACKEND=Agg FOLLOWED="scalability measure conformance" $(BIN)/python -m pytest $(SPREAD) -q \
		-m "not soak" --benchmark-disable \
		--cov=sim.scalability --cov=sim.measure --cov-branch --cov-fail-under=95 --cov-report=term

coverage: env-dev ## the same by all tests, with the lines and branches that none reaches
	@MPLBACKEND=Agg $(BIN)/python -m pytest $(SPREAD) -q -m "not soak" --benchmark-disable \
		--cov=sim.scalability --cov=sim.measure --cov-branch --cov-report=term-missing:skip-covered

STORMS ?= 14000

# from this seed on every fault meets the optimizer often enough for one such storm
storm: SEED = 1600001
storm: env-run ## seeded fault schedules against the whole control plane (STORMS=14000, SEED=1600001), a quarter of an hour
	@$(BIN)/victor-sim storm seeds=$(STORMS) seed=$(SEED) workers=$(WORKERS) budget_s=1200

ATTACKED := tests/security tests/fuzz tests/integration/gateway tests/integration/plugins/test_attacks_*.py \
	tests/integration/plugins/test_isolation_*.py tests/integration/plugins/test_seccomp_program.py \
	tests/integration/plugins/test_plugin_keys.py tests/integration/plugins/test_broker.py \
	tests/integration/plugins/test_plugin_manifests.py tests/integration/plugins/test_wasm_runner.py \
	tests/integration/plugins/test_monty_runner.py

security: env-dev ## attacks on gateway, plugins and parsers, and the locked packages against known advisories
	@$(BIN)/python -m pytest $(SPREAD) -q -m "not soak" --benchmark-disable $(ATTACKED)
	@$(BIN)/python -m pytest -q -s tests/security

FUZZ_EXAMPLES ?= 20000

fuzz: env-dev ## every parser with so many bent inputs (FUZZ_EXAMPLES=20000)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -q -m soak tests/fuzz

tidy: env-dev ## the house rules alone: style, types, imports, text
	@$(BIN)/python -m pytest -q tests/tidy

# the Python face, and what an extension or a caller of a room is written against
DOCUMENTED := sim '!sim[.].*' sim.errors sim.types sim.contracts sim.registry sim.settings sim.bench.simulate \
	sim.scalability.manager sim.scalability.balancer sim.scalability.autoscaler sim.scalability.health \
	sim.intelligence.optimizer sim.integration.plugins.manager sim.live.gateway sim.measure \
	sim.world.arrivals sim.world.service sim.world.faults sim.report.drawing
# the face's names come when they are first asked for, and pdoc does not ask
FACE := import sim, pdoc.__main__; vars(sim).update((name, getattr(sim, name)) for name in sim.__all__); pdoc.__main__.cli()

docs: env-dev ## the API reference from the docstrings, into build/docs/index.html
	@MPLBACKEND=Agg PYTHONWARNINGS=ignore $(BIN)/python -c '$(FACE)' --output-directory build/docs $(DOCUMENTED)
	@echo "API reference: build/docs/index.html"

bench: env-dev ## speed, measured in turn on this machine, into results/bench; ratios to the last time
	@raw=$$(mktemp); trap 'rm -f "$$raw"' EXIT; \
	$(BIN)/python -m pytest -q --benchmark-only --benchmark-json="$$raw"; \
	$(BIN)/victor-sim bench --timings "$$raw"
	@$(BIN)/victor-sim bench --start
	@$(BIN)/victor-sim bench

growth: env-dev ## time per request up to 100,000 nodes, 10^8 requests in one run, a day of 10,000 agents (an hour)
	@for what in growth large day; do $(BIN)/victor-sim bench --$$what; done

DATA ?= data

publish: env-run ## make the committed reports in results/published again (STUDIES="...", DATA=folder of traces)
	@for study in $(STUDIES); do $(BIN)/victor-sim run experiment=$$study seed=$(SEED) \
		paths.data=$(DATA) paths.results=results/published; done

lock: env-dev ## pin every version and hash anew
	@echo "resolving (about a minute a file)"
	@for_file() { $(BIN)/python -m piptools compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
		--no-header --no-emit-options --annotation-style=line --output-file "$$@" pyproject.toml; }; \
	for_file requirements.lock --extra dev; \
	for_file requirements-run.lock --constraint requirements.lock; \
	for_file requirements-optuna.lock --extra optuna --constraint requirements.lock; \
	for_file requirements-ray.lock --extra ray --constraint requirements.lock; \
	for_file requirements-slurm.lock --extra slurm --constraint requirements.lock; \
	for_file requirements-build.lock --constraint requirements.lock --only-build-deps --build-deps-for editable

clean: ## remove the environment and the caches; results stay
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	@find sim conf experiments plugins tests -name __pycache__ -prune -exec rm -rf {} +

# An environment is right when it was made from these very files; it is made afresh for another Python or another folder.
# The dev environment holds everything of the run environment, so that its stamp serves both. Nothing unpinned is run: the
# build backend comes from a lock of its own, and then builds without isolation. A lock is complete, so that nothing is
# resolved (--no-deps): older pips resolve an extra of a pinned package to its newest version and then refuse it. Where
# venv cannot bring a pip (Debian without python3-venv), the interpreter's own one installs.
env-run env-dev: env-%:
	@python="$(PYTHON)"; \
	if ! $${python:-false} -c '$(SUPPORTED)' 2>/dev/null; then \
		echo "Python 3.11, 3.12 or 3.13 is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; \
	fi; \
	key=$$(cat pyproject.toml requirements*.lock | cksum | tr ' ' -); \
	home=$(BIN)/.home-$$({ $$python --version; pwd; } | cksum | tr ' ' -); \
	if [ -e $$home ] && { [ -e $(BIN)/.$*-$$key ] || [ -e $(BIN)/.dev-$$key ]; }; then exit 0; fi; \
	echo "making the environment in $(VENV) with $$($$python --version), about a minute"; \
	if [ ! -e $$home ]; then \
		$$python -m venv --clear $(VENV) >/dev/null 2>&1 || $$python -m venv --clear --without-pip $(VENV); \
		touch $$home; \
	fi; \
	export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore; \
	if [ -e $(BIN)/pip ]; then pip="$(BIN)/python -m pip"; else pip="$$python -m pip --python $(BIN)/python"; fi; \
	lock=requirements.lock; if [ $* = run ]; then lock=requirements-run.lock; fi; \
	rm -f $(BIN)/.run-* $(BIN)/.dev-*; \
	$$pip install -qq --require-hashes -r requirements-build.lock; \
	echo "installing the $$(grep -c '==' $$lock) packages of $$lock"; \
	$$pip install -qq --require-hashes --no-deps --no-build-isolation -r $$lock; \
	$$pip install -qq --no-deps --no-build-isolation --editable .; \
	touch $(BIN)/.$*-$$key
