# make demo    sets everything up, indexes a sample home and answers questions from it
# make test    sets everything up and runs the tests
# make check   style, types, import contract (and the tests)
# make bench   measures; see docs/benchmarks.md for this and for bench-peers, bench-million and flamegraphs
# make lock    computes the requirements locks anew (needs uv)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := .demo
WORKERS ?= 2
PEERS := .venv-bench
PEERS_READY := $(PEERS)/.ready
FIGURES := build/benchmarks

.PHONY: setup demo test check bench bench-peers bench-million flamegraphs soak lock clean

setup: $(READY)

# --no-deps: the lock is complete, and the model's package declares requirements that are never wanted.
$(READY): requirements-dev.lock pyproject.toml
	@command -v c++ >/dev/null || { echo "A C++ compiler is needed to build hnswlib (Debian, Ubuntu: apt install g++ python3-dev python3-venv)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup
	@PATH="$(abspath $(BIN)):$$PATH" ASSISTANT_HOME="$(abspath $(DEMO))" sh golden/demo.sh

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) -m "not soak"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the benchmarks compare with, in an environment of its own. Without it they say what they could not measure.
$(PEERS_READY): requirements-bench.lock
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

bench: setup
	-@$(MAKE) --no-print-directory $(PEERS_READY)
	$(BIN)/python -m benchmarks --json $(FIGURES).json

bench-peers: setup $(PEERS_READY)
	$(BIN)/python -m benchmarks peers --peer-sizes 20000 100000 --json $(FIGURES)-peers.json

bench-million: setup
	$(BIN)/python -m benchmarks million --json $(FIGURES)-million.json

flamegraphs: setup $(PEERS_READY)
	$(BIN)/python -m benchmarks.flamegraphs

soak: setup
	$(BIN)/python -m pytest -m soak --timeout 7200

lock:
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	    pyproject.toml --group model -o requirements.lock
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	    pyproject.toml --group model --group dev -o requirements-dev.lock
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --no-header \
	    --group bench -o requirements-bench.lock

clean:
	rm -rf $(VENV) $(PEERS) $(DEMO)
