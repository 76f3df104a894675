# make run: set-up, then the main job on the simulated apartment.
# make test: set-up, then lint, types and the whole test suite.
.PHONY: run test lint setup setup-dev benchmark clean

BIN := .venv/bin

run: setup
	$(BIN)/hydra-mono run $(ARGS)

# Two processes of one thread each; the slowest twenty are listed at the end.
test: setup-dev lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --durations=20

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup:
	@scripts/setup.sh run

setup-dev:
	@scripts/setup.sh dev

benchmark: setup
	$(BIN)/python benchmarks/mapping.py

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
