# Everything a contributor does here. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# One lock for every Python from 3.11 on and every platform; older pips need the extras named.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --custom-compile-command "make lock" $(ARGS)
# Each file of tests runs in one process, beside others in other processes; ARGS="-n 0" for one.
SPREAD = --numprocesses=auto --dist=loadfile --no-loadscope-reorder
# Further options, for example: make demo ARGS="--port 9000", make lock ARGS=--upgrade.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo gallery docs test torture interop bench scale profile lint format types backup lock audit released clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | \
		awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo ## start the bot with a local workspace and a simulated Beam; Ctrl-C stops it
	@exec $(BIN)/python -m demo $(ARGS)

gallery: $(VENV)/.dev ## render everything that the bot shows on one page (ARGS=--pictures: take pictures)
	@$(BIN)/python -m demo.gallery $(ARGS)

docs: $(VENV)/.dev ## write the documentation that comes from the code: docs/words.md
	@$(BIN)/python -m demo.gallery --words

test: $(VENV)/.dev ## run every test, several files at once, and print the coverage
	$(BIN)/python -m pytest $(SPREAD) --cov --cov-report=term -m "not interop" $(ARGS)

torture: $(VENV)/.dev ## run the tests that try harder for as long as it takes, and print their figures
	TORTURE=1 $(BIN)/python -m pytest -m "torture and not interop" $(ARGS)

interop: $(VENV)/.dev ## run the main job against a workspace that others wrote (needs npm)
	$(BIN)/python -m pytest tests/interop -m interop $(ARGS)

bench: $(VENV)/.dev ## measure, side by side with what it is compared with (ARGS=quick for less)
	$(BIN)/python -m bench $(ARGS)

scale: $(VENV)/.dev ## work out what 1, 100 and 10,000 workspaces cost (ARGS=keep: into docs/scale.md)
	$(BIN)/python -m bench.scale $(ARGS)

profile: $(VENV)/.dev ## show where a check's time goes (ARGS=functions for more)
	$(BIN)/python -m bench.profile $(ARGS)
	$(BIN)/python -m bench.steps

lint: $(VENV)/.dev ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict .

format: $(VENV)/.dev ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev ## check the types only
	$(BIN)/mypy --strict .

backup: $(VENV)/.demo ## copy the database while the bot runs: make backup TO=copy.db
	@test -n "$(TO)" || { echo "Say where to: make backup TO=copy.db" >&2; exit 1; }
	@$(BIN)/python app.py backup $(TO)

lock: $(VENV)/.dev ## lock what is installed, with hashes; ARGS=--upgrade for newer versions
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) demo/requirements.in -o demo/requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

audit: $(VENV)/.dev ## ask the Python advisory database about what is locked (needs the network)
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --require-hashes --disable-pip \
		--progress-spinner off -r requirements.txt $(ARGS)

# The same commit makes the same file; its comment names the commit (`unzip -z`).
released: ## keep the code of a release for the tests of upgrades: make released COMMIT=… NAME=…
	@test -n "$(COMMIT)" -a -n "$(NAME)" || { \
		echo "Say what and how it is called: make released COMMIT=v1.0 NAME=1.0" >&2; exit 1; }
	TZ=UTC git archive --format=zip -9 --output=tests/released/$(NAME).zip $(COMMIT) app.py bot storage

clean: ## remove what was made: the virtual environment, caches, coverage
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov .interop .gallery
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once; each stamp is renewed when a requirements file changes.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python is missing: install Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
		echo "Name another one: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make virtual environments." >&2; \
		echo "On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Making the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo: requirements.txt demo/requirements.txt | $(BIN)/python
	@echo "Installing the requirements (once, about a minute) ..."
	@$(PIP) install -r requirements.txt -r demo/requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt demo/requirements.txt | $(BIN)/python
	@echo "Installing the development requirements (once, about a minute) ..."
	@$(PIP) install -r requirements.txt -r demo/requirements.txt -r requirements-dev.txt
	@touch $@ $(VENV)/.demo
