# make demo: see it work, no account needed.   make test: prove it.   make check: what CI runs before the tests.
# The environment is made on first use, from requirements.lock (exact versions, hashes), and made anew when that changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test check format lock corpus bench fuzz walks soak clean help

help:                ## this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(READY)       ## the main job on this machine: a mailbox, a dozen mails, the cards
	@$(BIN)/triage demo

# Compiled first: tests start programs by the hundred, and where Python may not write, each would compile all anew.
test: $(READY)       ## all tests; those that need Dovecot, Chromium or PostgreSQL skip with a reason where it is not installed
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib bot classifiers
	@$(BIN)/python -m pytest -n 4 --dist worksteal

check: $(READY)      ## formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(READY)     ## mend formatting and what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:                ## the lock file anew, from pyproject.toml (needs uv)
	uv pip compile --universal --generate-hashes --no-header --group dev --extra postgresql --python-version 3.11 --upgrade pyproject.toml -o requirements.lock

bench: $(READY)      ## what judging costs, against mail-parser alone in the same run
	@$(BIN)/python tests/bench_judge.py
	@PYTHONPATH=.:tests $(BIN)/python tests/bench_rules.py
	@PYTHONPATH=.:tests $(BIN)/python tests/bench_latency.py
	@PYTHONPATH=.:tests $(BIN)/python tests/bench_burst.py

FUZZ ?= long
fuzz: $(READY)       ## 50,000 mails that nobody thought of, for about an hour; FUZZ=minute: 1,000 of them
	@$(BIN)/python -m pytest tests/test_fuzz.py --hypothesis-profile=$(FUZZ) --timeout=0 -p no:cacheprovider

walks: $(READY)      ## 2,000 walks of mail, crashes, faults and people in any order; what must hold is looked at after each step
	@$(BIN)/python -m pytest tests/test_state_machine.py -k whatever --hypothesis-profile=walks -p no:cacheprovider

MINUTES ?= 10
SEED ?= 1
soak: $(READY)       ## the real daemon under steady mail and random faults: make soak MINUTES=10 SEED=1
	@PYTHONPATH=.:tests $(BIN)/python tests/soak.py --minutes $(MINUTES) --seed $(SEED)

clean:               ## forget the environment
	rm -rf $(VENV)

# uv where it is, for speed; else the standard library's venv and pip.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "triage needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Say: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "setting up $(VENV) (once)" >&2
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  rm -rf $(VENV) ; \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip --version >/dev/null \
	    || { rm -rf $(VENV) ; echo "this Python makes no environments: install python3-venv (Debian, Ubuntu: apt install python3-venv)" >&2 ; exit 1 ; } ; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(READY)
