# Everything sets itself up: Python 3.11 or later and make are enough. `make` lists what there is.

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
BENCH ?= cpu

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup explore audit test check test-slow bench docs site frontend demo clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '%-18s %s\n' "$$name" "$$what"; done

setup: .venv/.installed-dev ## make .venv with everything the tests need

explore: .venv/.installed-explore ## open the explorer (make explore ARGS="predictions.npz --port 0")
	@$(BIN)/xent explore $(ARGS)

audit: | $(BIN)/python ## audit the demo's predictions, plain and spoiled, into audits/ (make audit ARGS="preds.npz -o report.html")
	@$(BIN)/python -c 'import xent' 2>/dev/null || { echo "installing xent into .venv"; $(PIP) --editable ".[audit]"; }
	@$(if $(ARGS),$(BIN)/xent audit $(ARGS),$(BIN)/python examples/02_audit_digits.py)

test: check ## lint, types, import rules, and every test that is not slow
	$(BIN)/pytest -n $(WORKERS) -m "not slow"

check: setup ## lint, types and import rules only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

test-slow: .venv/.installed-slow ## the longer sweeps, notebooks among them
	$(BIN)/pytest -n $(WORKERS) -m slow

bench: setup ## measure the losses (make bench BENCH=explorer: the page)
	$(BIN)/python -m bench $(BENCH)

docs: setup ## write the pages of docs/ whose numbers are computed
	$(BIN)/python -m docs

site: | $(BIN)/python ## build the explorer as a static folder, site/, that needs no server of ours; needs Node
	@command -v npm >/dev/null || { echo "make site needs Node.js, 20 or later, with npm" \
		"(on Debian and Ubuntu: apt install nodejs npm)." >&2; exit 1; }
	cd frontend && npm ci --no-progress
	@PYTHONPATH=src $(BIN)/python -m xent.explorer.site site

frontend: ## build the view from its TypeScript; needs Node
	cd frontend && npm ci && npm run build

demo: setup ## train the demo's classifiers again and write their predictions
	$(BIN)/python examples/01_train_digits.py

clean: ## remove what these targets made
	rm -rf .venv audits frontend/node_modules .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist site
	find src tests bench docs examples -name __pycache__ -type d -exec rm -rf {} +

# A stamp is younger than what it was installed from; `dev` has all that `explore` has, so it stamps both.

.venv/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the tests need into .venv; the first time this takes some minutes"
	@$(PIP) --editable ".[dev]"
	@touch .venv/.installed-explore $@

.venv/.installed-slow: .venv/.installed-dev
	@echo "installing the notebooks and training loops that the slow tests drive into .venv"
	@$(PIP) --editable ".[dev,slow-test]"
	@touch $@

.venv/.installed-explore: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the explorer needs into .venv"
	@$(PIP) --editable ".[explore]"
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON); xent needs Python 3.11 or later" \
		"(make PYTHON=/path/to/python uses another)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "xent needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version)" \
		"(make PYTHON=/path/to/python uses another)." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment" \
		"(on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
