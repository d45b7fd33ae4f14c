# Every target sets up $(VENV) first when it is not there or when a pin has changed.

VENV ?= .venv
PYTHON ?= python3
RUN = $(VENV)/bin/
BENCHES = parameter_counts mixed_batch generalization base_quality colour_words two_adapters style_editing super_resolution leak_guard proposed_phrases orchestration held_out_styles ablations

# Tests run in two processes, each with the servers that it needs; a file's tests share their fixtures.
IN_TWO = --numprocesses 2 --dist loadfile

# Nothing is fetched from a model hub, not even a question whether something newer is there.
export HF_HUB_OFFLINE = 1

.PHONY: demo test check lint types units bench up down
demo: $(VENV)/ready  ; $(RUN)python -m flows.onboard_style --spec examples/demo.yaml
test: $(VENV)/ready  ; $(RUN)lint-imports && $(RUN)python -m pytest $(IN_TWO) --no-loadscope-reorder --timeout 900
check: $(VENV)/ready ; $(MAKE) --no-print-directory --jobs 2 --output-sync lint types units
units: $(VENV)/ready ; $(RUN)python -m pytest --quiet $(IN_TWO) -m "not server and not e2e" --timeout 120
lint: $(VENV)/ready  ; $(RUN)ruff check && $(RUN)ruff format --check && $(RUN)lint-imports
types: $(VENV)/ready ; $(RUN)mypy
bench: $(VENV)/ready ; for name in $(BENCHES); do $(RUN)python -m bench.$$name || exit; done

up: $(VENV)/ready    ; $(RUN)python -m infra.stack up
down:                ; $(RUN)python -m infra.stack down

# `ready` is written last: without it, an interrupted set-up starts again from nothing.
$(VENV)/ready: constraints.txt pyproject.toml model/pyproject.toml
	@echo "Setting up $(VENV): 2 to 5 minutes and 6 GB the first time, most of it PyTorch with CUDA."
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@$(RUN)python -m pip install --quiet --constraint constraints.txt --editable ./model --editable '.[stack,test]'
	@touch $@
