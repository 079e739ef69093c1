# make demo   the main job on the shipped data        make test   lint, types, tests, doctests
# Both make a virtual environment in .venv with the exact versions of constraints.txt; a second run
# uses it as it is. On Linux PyPI's torch brings CUDA libraries; `make demo TORCH_INDEX=cpu` takes
# PyTorch's smaller build without them (likewise `make test`).

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input -qq install --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt
# Two test workers on two cores: one thread each, or they fight for the cores.
WORKERS ?= 2

TORCH_INDEX ?=
ifeq ($(TORCH_INDEX),cpu)
TORCH_ENV := PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
else ifneq ($(TORCH_INDEX),)
TORCH_ENV := PIP_EXTRA_INDEX_URL=$(TORCH_INDEX)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test clean

help:
	@echo "make demo    compare LSTM, GRU, RNN, ARIMA, ETS and naive forecasts on the shipped data"
	@echo "make test    lint, types, tests and doctests"
	@echo "make clean   remove the virtual environment and caches"
	@echo "TORCH_INDEX=cpu with demo or test: PyTorch without CUDA (a smaller download)"

demo: $(VENV)/.demo
	@echo "demo: comparing the models on the shipped data (tsrnn compare)"
	@$(VENV)/bin/tsrnn compare

test: $(VENV)/.test
	@echo "test: lint (ruff)"
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@echo "test: types (mypy)"
	@$(VENV)/bin/mypy
	@echo "test: tests and doctests (pytest, $(WORKERS) workers)"
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -n $(WORKERS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch first and by itself, so that no later resolution picks another build of it;
# hatchling too, because the package is then built with this pinned version.
$(VENV)/.torch: $(INPUTS)
	@found=; for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	    if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "error: no Python >= 3.11 with the module venv found; install one (python3, python3-venv)" >&2; \
	    exit 1; \
	fi; \
	echo "setup: $(VENV) with $$($$found --version)"; \
	$$found -m venv --clear $(VENV)
	@echo "setup: installing PyTorch (the largest download)"
	@$(TORCH_ENV) $(PIP) torch hatchling
	@touch $@

$(VENV)/.demo: $(VENV)/.torch
	@echo "setup: installing tsrnn with its command line and plots"
	@$(PIP) --no-build-isolation --editable '.[cli,plot]'
	@touch $@

$(VENV)/.test: $(VENV)/.torch
	@echo "setup: installing tsrnn with the tools for its tests"
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@
