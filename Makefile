# make demo    environment, install, then train, evaluate and tag on the corpus in the package
# make test    environment, install, then all tests
# make check   format, lint, types, tests: what a commit must pass
# make models  the models in the package, anew: make models DATA=corpora VECTORS=glove.6B.50d.txt.gz

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check models clean

demo: $(READY)
	$(BIN)/python -m tagsmith.demo demo-out

test: $(READY)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -q

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(MAKE) test

models: $(READY)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python models/make_models.py --data $(DATA) --vectors $(VECTORS)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tagsmith needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,serve,client,dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) demo-out dist
