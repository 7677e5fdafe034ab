# Board of One. `make run` and `make test` set up everything they need in .venv and .bo1.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --require-hashes
PYTEST := $(BIN)/python -m pytest
# Tests wait more than they compute: three at a time keep two cores busy.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help run demo test chaos chaos-kills chaos-victims chaos-takeovers lint format lock bench bench-broker bench-steps \
	bench-sessions bench-stream bench-prompts bench-pages clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Board of One needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv (once) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing what the product needs …"
	@$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing what tests and checks need …"
	@$(PIP) -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

run: $(VENV)/.runtime ## Run the product on this machine
	@exec $(BIN)/python manage.py runboard

demo: $(VENV)/.runtime ## Debate a ready example on the command line
	@exec $(BIN)/python manage.py deliberate --example

test: $(VENV)/.dev ## Run every test, on real parts
ifdef ARGS
	@$(PYTEST) $(ARGS)
else
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder
endif

chaos: chaos-kills chaos-victims chaos-takeovers ## 200 kills at random moments and at every fault point; each kind of process once; how long sessions wait

chaos-kills: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos.kills $(ARGS)

chaos-victims: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos.victims

chaos-takeovers: $(VENV)/.dev
	@$(BIN)/python -m tests.chaos.takeovers $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy strict, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DATABASE_URL=postgresql://nobody@localhost/none SECRET_KEY=lint $(BIN)/mypy
	@DATABASE_URL=postgresql://nobody@localhost/none SECRET_KEY=lint $(BIN)/lint-imports

bench: bench-broker bench-steps bench-sessions bench-stream bench-pages ## Every benchmark

bench-broker: $(VENV)/.dev ## The broker beside the bare SDKs and LiteLLM
	@$(BIN)/python -m tests.bench.broker $(ARGS)

bench-steps: $(VENV)/.dev ## A durable step beside LangGraph's PostgresSaver
	@$(BIN)/python -m tests.bench.steps $(ARGS)

bench-sessions: $(VENV)/.dev ## Two hundred sessions at once
	@$(BIN)/python -m tests.bench.sessions $(ARGS)

bench-stream: $(VENV)/.dev ## Event streams beside a bare endpoint and stock django-eventstream
	@$(BIN)/python -m tests.bench.stream $(ARGS)

bench-prompts: $(VENV)/.dev ## Prompt tokens round by round, in the worst case
	@$(BIN)/python -m tests.bench.prompts $(ARGS)

bench-pages: $(VENV)/.dev ## Server time of every page with a thousand sessions
	@$(BIN)/python -m tests.bench.pages $(ARGS)

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: $(VENV)/.dev ## Pin every dependency again, with hashes
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet uv
	@PATH="$(BIN):$$PATH" uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --universal --quiet -o requirements-dev.lock
	@PATH="$(BIN):$$PATH" uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --universal --quiet -c requirements-dev.lock -o requirements.lock

clean: ## Remove the virtual environment (data in .bo1 stays)
	rm -rf $(VENV)
