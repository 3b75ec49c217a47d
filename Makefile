# The commands of this project; each sets up what it needs in .venv first.
#   make run    serve the example shop on http://127.0.0.1:8000 (PORT=8080 make run)
#   make test   run all tests
#   make check  lint, types, import rules, documentation
#   make fmt    format, and mend what can be mended by itself
#   make docs   build the documentation into docs/_build/html
#   make bench  measure, side by side with other frameworks
#   make soak   see whether memory stays flat over a million requests
#   make clean  remove what the above made

PYTHON ?= python3
PORT ?= 8000
TESTS ?=
# What mostly computes is tested beside what mostly waits for servers.
COMPUTING := $(addprefix tests/,context diff gtype lifecycle openapi policy properties routing secrets store timescape)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SPHINX := $(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet

.PHONY: run test check fmt docs bench soak clean
.DELETE_ON_ERROR:

run: $(VENV)/.run
	@exec $(BIN)/perdure serve examples/shop/app.py --port $(PORT)

test: $(VENV)/.test
ifneq ($(TESTS),)
	$(BIN)/python -m pytest -q $(TESTS)
else
	@$(BIN)/python -m pytest -q $(COMPUTING) >$(VENV)/computing.log 2>&1 & computing=$$!; \
	trap 'kill $$computing' INT TERM; \
	$(BIN)/python -m pytest -q tests $(addprefix --ignore=,$(COMPUTING)); failed=$$?; \
	wait $$computing || failed=$$?; \
	cat $(VENV)/computing.log; exit $$failed
endif

check: $(VENV)/.check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SPHINX) -b html docs docs/_build/html

fmt: $(VENV)/.check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.check
	$(SPHINX) -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.test
	$(BIN)/python bench/run.py

soak: $(VENV)/.test
	$(BIN)/python bench/soak.py

clean:
	rm -rf $(VENV) .venv-* bench/.venv-* bench/.peers bench/results.json docs/_build dist
	find . -type d \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis \) -prune -exec rm -rf {} +

# One stamp per set of packages: `make run` does not wait for the tests' or the linters'.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Perdure needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing python3-venv" \
	       && apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null; } \
	  || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.run: pyproject.toml | $(VENV)/.pip
	@$(PIP) install --editable '.[auth]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.pip
	@$(PIP) install --editable . --group test
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium" \
	  && apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null; } \
	  || echo "no chromium here: tests that need a browser are skipped, unless Playwright has its own" >&2
	@command -v prometheus >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing prometheus" \
	  && apt-get -qq update && apt-get -qq install -y --no-install-recommends prometheus >/dev/null; } \
	  || echo "no prometheus here: tests that need it are skipped" >&2
	@touch $@ $(VENV)/.run

$(VENV)/.check: pyproject.toml | $(VENV)/.pip
	@$(PIP) install --editable . --group test --group check --group docs
	@touch $@ $(VENV)/.test $(VENV)/.run
