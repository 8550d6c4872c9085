# The two commands of a newcomer are `make demo` and `make test`; both set up whatever they need.
# Variables for the command line: VENV=folder of the environment, PYTHON=interpreter that makes it, PYTEST, MUTANTS and
# CORPUS=arguments, BEFORE=commit that the corpus compares with.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))) python3)
PYTEST ?=
MUTANTS ?=
CORPUS ?=
BEFORE ?= HEAD

BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
SOURCES := $(wildcard runtime/*/*.c runtime/*/*.h)
RECIPE := pyproject.toml constraints.txt hatch_build.py build_native.py

# $(call step,what is done,command): one line with the time it took; the command's output only where it fails.
step = @start=$$(date +%s); log=$$(mktemp); printf '%-64s' '$(1) ...'; \
	if { $(2); } >"$$log" 2>&1; then rm -f "$$log"; printf '%4d s\n' $$(($$(date +%s) - start)); \
	else echo failed; cat "$$log"; rm -f "$$log"; exit 1; fi

.PHONY: help demo test test-long lint format bench mutants corpus clean distclean
.DELETE_ON_ERROR:

help: ## This list
	@echo 'edgebnn: binary and ternary neural networks on a simulated RRAM chip and on microcontrollers'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMPS)/demo $(STAMPS)/library ## Compile the shipped ECG model, run it on real ECG, report energy and battery life
	@$(BIN)/edgebnn demo

test: $(STAMPS)/test $(STAMPS)/library ## All tests but the long ones
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal $(PYTEST)

test-long: $(STAMPS)/test $(STAMPS)/library ## The long tests: packages, whole training runs
	$(BIN)/python -m pytest -m long $(PYTEST)

lint: $(STAMPS)/test ## ruff, mypy --strict, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(SOURCES)

format: $(STAMPS)/test ## Bring Python and C into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(SOURCES)

bench: $(STAMPS)/test $(STAMPS)/library ## Benchmarks, as ratios taken in one run; docs/performance.md shows them
	@$(BIN)/python -m benchmarks

mutants: $(STAMPS)/test $(STAMPS)/library ## Put faults into the source and see which ones no test notices; two hours
	@$(BIN)/python -m tests.mutants $(MUTANTS)

corpus: $(STAMPS)/test $(STAMPS)/library ## Compare what a commit and the work tree make of a corpus of models, byte for byte
	@$(BIN)/python -m tests.corpus $(BEFORE) $(CORPUS)

clean: ## Remove what was built, not the environment
	rm -rf build dist out demo .mutants .corpus edgebnn/_native .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f $(STAMPS)/library
	find edgebnn tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environment too
	rm -rf $(VENV)

# Debian and Ubuntu split venv from Python: pip or virtualenv, where either is there, makes the environment all the same.
$(STAMPS)/environment:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'edgebnn needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -c 'import pip' 2>/dev/null || \
		$(PYTHON) -c 'import virtualenv' 2>/dev/null || \
		{ echo 'this Python has no venv; install it (Debian, Ubuntu: apt install python3-venv)'; exit 1; }
	$(call step,make the environment $(VENV),\
		if $(PYTHON) -c 'import ensurepip'; then $(PYTHON) -m venv $(VENV); \
		elif $(PYTHON) -c 'import virtualenv'; then $(PYTHON) -m virtualenv $(VENV); \
		else $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; fi)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/environment $(RECIPE)
	$(call step,install edgebnn with what the demo needs,\
		$(BIN)/python -m pip install -c constraints.txt -e '.[soc$(comma)signals$(comma)onnxruntime]')
	@touch $@ $(STAMPS)/library

$(STAMPS)/test: $(STAMPS)/environment $(RECIPE)
	$(call step,install edgebnn with everything for tests and training,\
		$(BIN)/python -m pip install -c constraints.txt -e '.[dev]')
	@touch $@ $(STAMPS)/demo $(STAMPS)/library

# The editable install compiles the library; after a change of the C sources only the library is compiled again.
$(STAMPS)/library: $(SOURCES) | $(STAMPS)/environment
	$(call step,compile the C runtime,$(BIN)/python build_native.py)
	@touch $@

comma := ,
