# make demo         train a small network on real data and look at runs/
# make test         the tests, without PyTorch
# make test-oracle  the tests, with PyTorch beside them; nothing is skipped
# make wheels       wheels/ for pip install --find-links
# make check        lint, format, types and layers
# make clean        remove what these made
#
# PYTHON=python3.13 chooses the interpreter. Everything is installed into .venv, from this tree and in
# place, so that an edit needs no new installation; a change of a pyproject.toml brings one.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
TORCH := torch==2.13.0

BIN := $(VENV)/bin
PROJECTS := pyproject.toml backends/cpu/pyproject.toml backends/opencl/pyproject.toml conformance/pyproject.toml
INTERPRETER := $(shell $(PYTHON) -c 'import sys; sys.version_info >= (3, 11) and print(sys.base_prefix, sys.version)')

.PHONY: demo test test-oracle wheels check clean FORCE

demo: $(VENV)/installed-demo
	$(BIN)/corelib demo $(ARGS)

# Tests run in as many processes as there are cores, where the threads of BLAS would only be in the way.
test test-oracle: export OPENBLAS_NUM_THREADS = 1
test test-oracle: export OMP_NUM_THREADS = 1

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

test-oracle: $(VENV)/installed-oracle
	CORELIB_ORACLE=1 $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

wheels: $(VENV)/interpreter
	rm -rf wheels
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir wheels . ./backends/cpu ./backends/opencl ./conformance

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/python .ci/stubs.py --check
	$(BIN)/mypy

clean:
	rm -rf $(VENV) wheels

# The environment is made anew when the interpreter is another one than it was made with.
$(VENV)/interpreter: FORCE
	$(if $(INTERPRETER),,$(error $(PYTHON) is not Python 3.11 or newer: choose one with PYTHON=...))
	@printf '%s\n' '$(INTERPRETER)' | cmp -s - $@ || \
	    { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) && printf '%s\n' '$(INTERPRETER)' > $@; }

$(VENV)/installed-%: $(VENV)/interpreter $(PROJECTS)
	$(BIN)/python -m pip install --quiet -e '.[$*]' -e ./backends/cpu -e ./backends/opencl -e ./conformance
	@touch $@

$(VENV)/installed-oracle: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet $(TORCH)
	@touch $@
