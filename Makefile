# make demo    the main job from end to end, on a machine with Python 3.11, git and cargo
# make fleet-demo   a machine with systemd from nothing to its set, and a canary that fails and recovers; needs root
# make test    everything, as CI runs it
# make check   the inner loop: style, types and the tests that are not slow; needs no network
# make docs    all that is generated in docs/: `make schemas` (JSON Schemas, from the types), `make man` (manual pages, from
#              the help texts), `make samples` (what is shown below the commands of the pages, and
#              the recording, from real runs; and `make sets`, the services in the runbook)
# make collection   the Ansible collection hero.os, in dist/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: venv check lint test demo fleet-demo bench collection docs schemas man samples sets requirements clean
.DELETE_ON_ERROR:

venv: $(VENV)/.ready

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hero-build needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint
	$(PYTEST) -q -n auto -m "not slow"

test: lint
	PYTHONPATH=tests $(BIN)/python -m support.prepare
	$(PYTEST) -n auto

demo: cache/demo/venv/.ready
	@cache/demo/venv/bin/python tools/demo.py

cache/demo/venv/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hero-build needs Python 3.11 or newer; name one with: make PYTHON=python3.12 demo"; exit 1; }
	@mkdir -p cache/demo
	@$(PYTHON) -m venv cache/demo/venv
	@cache/demo/venv/bin/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

fleet-demo: venv
	PYTHONPATH=tests $(BIN)/python -m tools.fleet_demo

bench: venv
	$(BIN)/python -m bench --docs

collection: venv
	@$(BIN)/python -m tools.collection

schemas: venv
	$(BIN)/python -m tools.schemas

man: venv
	$(BIN)/python -m tools.manpages

samples: venv
	PYTHONPATH=tests $(BIN)/python -m support.samples

sets: venv
	$(BIN)/python -m tools.service_lists

docs: schemas man samples sets

requirements: venv
	CUSTOM_COMPILE_COMMAND="make requirements" $(COMPILE) --upgrade -o requirements.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make requirements" $(COMPILE) --upgrade --extra dev -c requirements.txt \
		-o requirements-dev.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make requirements" $(COMPILE) --upgrade -o deploy/ansible/requirements.txt deploy/ansible/requirements.in

clean:
	rm -rf $(VENV) dist cache/demo cache/demo-target
