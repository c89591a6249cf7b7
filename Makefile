# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test again check clean

demo: $(VENV)/.installed
	@$(BIN)/python -m examples.demo

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 3 --dist loadfile || { code=$$?; test $$code = 1 || exit $$code; $(MAKE) --no-print-directory again; }

# What failed while three processes shared the machine runs once more by itself. A test that passes
# only then is unstable and wants mending; the first run's report, above, names it.
again: $(VENV)/.installed-dev
	@echo "Once more, by themselves: the tests that failed"
	@$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# What a change must pass beside the tests.
check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "wasmfaas needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@echo "Installing wasmfaas into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	@echo "Installing wasmfaas and what its tests need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .demo
