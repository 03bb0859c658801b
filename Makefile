# On a fresh clone `make demo` and `make test` need python3 (3.10 or newer) with venv, make, and a package index.

BIN := .venv/bin
INSTALLED := .venv/installed
OLDEST := .venv-oldest
# Two processes of one thread each take about two thirds of the time of one process with two.
TOGETHER := -n 2 --dist loadfile

.PHONY: demo test test-oldest lint bench clean

demo: $(INSTALLED)
	$(BIN)/fissura demo --out demo

# Tests on real photographs look for them in the folder FISSURA_DATA (default ../shared/data) and skip without it.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/pytest $(TOGETHER)

# The same tests with the oldest libraries that pyproject.toml allows, so that its ranges stay true.
test-oldest:
	python3 -m venv $(OLDEST)
	grep -oE '"[A-Za-z0-9-]+>=[0-9.]+' pyproject.toml | sed -E 's/"(.+)>=(.+)/\1==\2.*/' > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(OLDEST)/constraints.txt -e '.[dev]'
	OMP_NUM_THREADS=1 $(OLDEST)/bin/pytest $(TOGETHER)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Trains and scores every row of benchmarks/RESULTS.md that has no result yet, the most important first; needs the
# photographs too, and days on two cores: `python benchmarks/field.py --list` tells what is done and what is left.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/field.py
	$(BIN)/python benchmarks/measuring_accuracy.py
	$(BIN)/python benchmarks/painting_speed.py
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/roofline.py
	$(BIN)/python benchmarks/pareto.py
	$(BIN)/python benchmarks/gigapixel.py
	$(BIN)/python benchmarks/field.py --tables-only

clean:
	rm -rf .venv $(OLDEST) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Installing into .venv; PyTorch is large, so the first time takes minutes."
	python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
