# Everything a developer or a curious visitor needs. `make demo` and `make test` each start from nothing but Python
# and make; the second time they only run. Python other than python3: make test PYTHON=python3.12

PYTHON ?= python3
# The versions that are installed; constraints-cuda12.txt is for older GPUs and drivers (docker/README.md)
CONSTRAINTS ?= constraints.txt
# Which tests run, for example: make test MARKERS="slow" PYTEST_ARGS="tests/conformance -x"
MARKERS ?= not slow and not pycaffe and not network and not benchmark and not install
PYTEST_ARGS ?=
# How many of them run side by side: a number, or auto for as many as the machine has processors and memory for
WORKERS ?= auto
# What `make demo` is told, for example: make demo DEMO_ARGS="--out picture.png"
DEMO_ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-install test-oldest lint benchmark gpu docs wheel clean

help:
	@echo "make demo        train and analyse a small network, and show it"
	@echo "make test        linter, types, import rules and all quick tests"
	@echo "make test-install  install each row of README's table into an empty environment, and try it"
	@echo "make test-oldest  the tests on the oldest versions that are allowed, in a Debian 11 root (needs root)"
	@echo "make lint        linter and types only"
	@echo "make benchmark   measure"
	@echo "make gpu         test and measure on a CUDA device, and write docs/gpu.md"
	@echo "make docs        write what in docs comes from the program: pictures, outputs, reference"
	@echo "make wheel       build a wheel, into dist"
	@echo "make install     only make .venv and install into it"
	@echo "make clean       remove .venv and everything that was built"

install: $(INSTALLED)

$(INSTALLED): setup.py $(wildcard constraints*.txt) tools/install.sh tools/system_libraries.sh
	@PYTHON="$(PYTHON)" CONSTRAINTS="$(CONSTRAINTS)" tools/install.sh .venv
	@tools/system_libraries.sh .venv
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/cnnvis-caffe demo $(DEMO_ARGS)

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# Where Qt's system libraries could not be had, its pytest plug-in would stop everything else as well.
test: lint
	@qt=$$($(BIN)/python -c "import PyQt5.QtWidgets" 2>/dev/null || echo "-p no:pytest-qt"); \
	side=$$($(BIN)/python -c "import xdist" 2>/dev/null && echo "-n $(WORKERS) --dist worksteal"); \
	$(BIN)/python -m pytest $$qt $$side -m "$(MARKERS)" $(PYTEST_ARGS)

test-install: $(INSTALLED)
	@$(BIN)/python -m pytest tests/e2e/test_install_table.py -m install $(PYTEST_ARGS)

test-oldest:
	@PYTHON="$(PYTHON)" tools/test_oldest.sh $(PYTEST_ARGS)

benchmark: $(INSTALLED)
	@$(BIN)/python -m pytest benchmarks -m "" $(PYTEST_ARGS)

gpu: $(INSTALLED)
	@$(BIN)/python -m benchmarks.gpu

docs: $(INSTALLED)
	@$(BIN)/python tools/write_api_reference.py
	@$(BIN)/python tools/draw_docs.py
	@$(BIN)/python tools/run_docs.py
	@$(BIN)/python tools/write_notebook.py

wheel: $(INSTALLED)
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks
	find cnnvis_caffe tests tools benchmarks examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
