# Two commands do everything: `make demo` and `make test`. Both build .venv from the locks first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FACES ?=
DEMO_HOME ?= demo-home
OSCAL_HOME ?=

.PHONY: demo test test-postgres bench peers oscal fix lock clean

$(VENV)/ready: requirements-build.lock requirements.lock pyproject.toml
	tools/make_venv $(PYTHON) $(VENV)
	touch $@

demo: $(VENV)/ready
	$(BIN)/counterseal demo --home $(DEMO_HOME) $(if $(FACES),--faces $(FACES))

test: $(VENV)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/run_tests

test-postgres: $(VENV)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/test_postgres

# Peers that do not install are said to be absent; the bench runs all the same.
bench: $(VENV)/ready
	$(BIN)/python tools/bench.py
	-$(MAKE) peers
	$(BIN)/python tools/bench_evaluation.py --peers $(VENV)-peers/bin/python

# Other evaluators, in an environment of their own, to be measured beside ours.
$(VENV)-peers/ready: requirements-peers.lock $(VENV)/ready
	$(BIN)/python -m venv --clear $(VENV)-peers
	$(VENV)-peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-peers.lock
	touch $@

peers: $(VENV)-peers/ready

# Another program, in an environment of its own, reads our OSCAL documents.
$(VENV)-oscal/ready: requirements-oscal.lock $(VENV)/ready
	$(BIN)/python -m venv --clear $(VENV)-oscal
	$(VENV)-oscal/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-oscal.lock
	touch $@

oscal: $(VENV)-oscal/ready
	$(BIN)/python tools/oscal $(VENV)-oscal/bin/trestle $(OSCAL_HOME)

fix: $(VENV)/ready
	$(BIN)/ruff check --fix src tests tools
	$(BIN)/ruff format src tests tools

# Needs uv on the PATH. The locks name no address: an agency points pip at its own mirror.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra demo --extra postgresql --extra proof --extra report --extra dev -o requirements.lock pyproject.toml
	echo 'setuptools>=77' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-build.lock -
	echo 'compliance-trestle>=5' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-oscal.lock -
	printf '%s\n' bob.measure fairlearn pyeer scikit-learn | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-peers.lock -

clean:
	rm -rf $(VENV) $(VENV)-oscal $(VENV)-peers build .mypy_cache .ruff_cache .pytest_cache .hypothesis
