# Two commands do everything: `make demo` and `make test`. Both build .venv from the locks first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FACES ?=
DEMO_HOME ?= demo-home

.PHONY: demo test test-postgres bench fix lock clean

$(VENV)/ready: requirements-build.lock requirements.lock pyproject.toml
	tools/make_venv $(PYTHON) $(VENV)
	touch $@

demo: $(VENV)/ready
	$(BIN)/counterseal demo --home $(DEMO_HOME) $(if $(FACES),--faces $(FACES))

test: $(VENV)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/run_tests

test-postgres: $(VENV)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/test_postgres

bench: $(VENV)/ready
	$(BIN)/python tools/bench.py

fix: $(VENV)/ready
	$(BIN)/ruff check --fix src tests tools
	$(BIN)/ruff format src tests tools

# Needs uv on the PATH. The locks name no address: an agency points pip at its own mirror.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra demo --extra postgresql --extra proof --extra dev -o requirements.lock pyproject.toml
	echo 'setuptools>=77' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-build.lock -

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
