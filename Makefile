# Two commands: `make demo` runs the main job before your eyes, `make test` passes every check.
# Both make their own virtualenv; PYTHON and VENV may be set.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The workers of the test run; two cores are enough.
WORKERS ?= 2
PYTEST_ARGS ?=

.PHONY: demo eval test lint types contracts unit graph clean help

help:
	@sed -n '1,2p' Makefile

$(VENV)/.made:
	@echo "==> making the virtualenv in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# torch first and alone: with it in place nothing later pulls a build with gigabytes of GPU libraries.
$(VENV)/.torch: $(VENV)/.made constraints.txt
	@echo "==> installing torch (the largest part, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on "$$(grep '^torch==' constraints.txt)"
	@touch $@

$(VENV)/.app: $(VENV)/.torch pyproject.toml constraints.txt
	@echo "==> installing opsdesk and what it needs (about two minutes, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.app
	@echo "==> installing what the tests need"
	@$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[test]'
	@touch $@

demo: $(VENV)/.app
	@$(BIN)/opsdesk demo $(DEMO_ARGS)

# Reports as Markdown and HTML in EVAL_OUT; EVAL_ARGS go to the first command (--incidents DIR, --model ...).
EVAL_OUT ?= build/eval
eval: $(VENV)/.app
	@$(BIN)/opsdesk eval diagnosis --out $(EVAL_OUT) $(EVAL_ARGS) > /dev/null
	@$(BIN)/opsdesk eval detectors --out $(EVAL_OUT) > /dev/null
	@$(BIN)/opsdesk eval retrieval --out $(EVAL_OUT) > /dev/null
	@$(BIN)/opsdesk eval safety --out $(EVAL_OUT) > /dev/null
	@$(BIN)/opsdesk eval crash --out $(EVAL_OUT) > /dev/null

test: lint types contracts unit

lint: $(VENV)/.test
	@echo "==> lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.test
	@echo "==> types (mypy strict, tests included)"
	@$(BIN)/mypy

contracts: $(VENV)/.test
	@echo "==> import contracts"
	@$(BIN)/lint-imports

unit: $(VENV)/.test
	@echo "==> tests"
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

graph: $(VENV)/.app
	@$(BIN)/python -m evals.readme_graph --write

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
