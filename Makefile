# Everything runs in .venv, made from nothing but Python ≥ 3.11.
PYTHON ?= python3
VENV ?= .venv
RUN ?= RUN
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo web test slow guides lint docs bench results clean

demo: $(VENV)/base.installed  ## fit the bundled digits, print the certificate, write the report
	$(BIN)/latentatlas fit digits --out $(RUN) --dim 2 --overwrite
	@echo "Open $(RUN)/report.html in a browser."

web:  ## the page of the explorer, from web/ into the package; needs node and npm
	cd web && npm ci --silent --no-audit --no-fund && npm run --silent build

test: $(VENV)/test.installed  ## all fast tests and doctests, in two processes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

slow: $(VENV)/test.installed  ## the slow tests
	$(BIN)/python -m pytest -m slow

guides: $(VENV)/test.installed  ## every block of README and guides
	$(BIN)/python -m pytest tests/docs -m "slow or not slow"

lint: $(VENV)/test.installed $(VENV)/lint.installed  ## style, types and import arrows
	$(BIN)/ruff check src tests docs
	$(BIN)/ruff format --check src tests docs
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(VENV)/docs.installed  ## the documentation, in docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/bench.installed  ## speed on this machine
	$(BIN)/latentatlas bench

results: $(VENV)/bench.installed  ## every study of docs/results, hours
	$(BIN)/latentatlas reproduce all

$(VENV)/base.installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/%.installed: $(VENV)/base.installed
	$(PIP) --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV) docs/_build
