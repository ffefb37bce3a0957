# What a person does with this repository. `make` lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
READY := .venv/.ready
SOURCES := ticketing flows sql dashboards tests
PYTEST_ARGS ?=

.PHONY: help setup demo clean-demo test check lint types imports fmt bench bench-orders bench-holds bench-contention bench-pool bench-queue bench-seatmap bench-visitors bench-onsale any-order contract faults-orders oversell torn-reads serve dashboards flows verify lock

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv (done by every other target when it is needed)

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is `$(PYTHON) -V`, and 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11." >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked dependencies into .venv …"
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)" \
		&& $(BIN)/python -m uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock; then :; \
	else echo "uv can't be had here: installing with pip, which takes longer." >&2; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

demo: $(READY) ## A season, buyers, flows, and everything served; ONCE=1 does it without staying up
	@$(BIN)/ticketing demo $(if $(ONCE),--once)

clean-demo: $(READY) ## Stop what the demo left running and remove its data
	@$(BIN)/ticketing clean-demo

test: $(READY) ## The whole test suite
	@$(BIN)/pytest $(PYTEST_ARGS)

check: lint types imports test ## Everything that must pass before a commit is pushed

lint: $(READY) ## Style and likely mistakes
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "Not formatted: make fmt." >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)

types: $(READY) ## Types, strictly
	@$(BIN)/mypy --no-error-summary

imports: $(READY) ## Who may import whom
	@$(BIN)/lint-imports --no-logo

fmt: $(READY) ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	@$(BIN)/ruff format $(SOURCES)

bench: bench-orders bench-holds bench-contention bench-pool bench-queue bench-seatmap bench-visitors bench-onsale ## Every benchmark, a line of JSON each; sizes of one as ARGS="--seconds 4"

bench-orders: $(READY) ## Orders placed and completed per second, beside what PostgreSQL itself can do
	@$(BIN)/python -m tests.benchmarks orders $(ARGS)

bench-holds: $(READY) ## Seats held per second by 200 clients, beside a bare claim
	@$(BIN)/python -m tests.benchmarks holds $(ARGS)

bench-contention: $(READY) ## 500 clients on 100 seats: all sold, none twice, nobody waits long
	@$(BIN)/python -m tests.benchmarks contention $(ARGS)

bench-pool: $(READY) ## Places of one general-admission pool, beside one hot row in PostgreSQL
	@$(BIN)/python -m tests.benchmarks pool $(ARGS)

bench-queue: $(READY) ## Ten thousand buyers in a waiting room: polls, order, caps; beside the bare HTTP process
	@$(BIN)/python -m tests.benchmarks queue $(ARGS)

bench-seatmap: $(READY) ## Seat maps served per second and the way from a hold to 500 screens, beside the bare HTTP process
	@$(BIN)/python -m tests.benchmarks seatmap $(ARGS)

bench-visitors: $(READY) ## 200 people browse, sign in and buy; with and without a storm of sign-ins
	@$(BIN)/python -m tests.benchmarks visitors $(ARGS)

bench-onsale: $(READY) ## 50,000 buyers meet an arena at its opening, calm and with robots, a slow provider and a killed process
	@$(BIN)/python -m tests.benchmarks onsale $(ARGS)

any-order: $(READY) ## Holds, orders and payments in any order against a model; EXAMPLES=200 STEPS=60
	@EXAMPLES=$(or $(EXAMPLES),200) STEPS=$(or $(STEPS),60) $(BIN)/pytest tests/orders/test_any_order.py

contract: $(READY) ## Every endpoint fuzzed by its specification, in each role; EXAMPLES=100
	@EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/pytest tests/contract

faults-orders: $(READY) ## Two API processes killed again and again under buyers, capture beside them; LASTS=seconds
	@$(BIN)/pytest tests/faults/test_order_path.py --fault-seconds $(or $(LASTS),60)

oversell: $(READY) ## Many clients, few places, two processes: never over, never under, and a control without the guard; CLIENTS=500 SEATS=100
	@$(BIN)/pytest tests/faults/test_oversell.py --oversell-clients $(or $(CLIENTS),500) --oversell-seats $(or $(SEATS),100)

torn-reads: $(READY) ## Readers of the published snapshot while it is published; READERS=8 PUBLICATIONS=20
	@SNAPSHOT_READERS=$(or $(READERS),8) SNAPSHOT_PUBLICATIONS=$(or $(PUBLICATIONS),20) $(BIN)/pytest -s tests/sql/test_publish.py -k whole_snapshots

serve: $(READY) ## Storefront and API
	@$(BIN)/ticketing serve

dashboards: $(READY) ## The vendor dashboards
	@$(BIN)/ticketing dashboards

flows: $(READY) ## Prefect's server, the deployed flows, and a worker
	@$(BIN)/ticketing flows

verify: $(READY) ## Check every invariant in one snapshot
	@$(BIN)/ticketing verify

lock: $(READY) ## Resolve the dependencies anew
	@$(BIN)/python -m uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --quiet --upgrade -o requirements.lock
