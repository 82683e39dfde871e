# Every target makes the set-up that it needs; see scripts/setup.sh.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# A file's tests share what they started, so a file goes to one of the two workers as a whole. Each has a core.
PYTEST := OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# Processes that the tests start would parse the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test tests check style lint audit format docs bench constraints clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## make .venv with all that training and the tests need
	@scripts/setup.sh full

demo:  ## serve the compact bundle, classify a sample meme over HTTP, print the verdict
	@scripts/setup.sh base
	@$(PYTHON) scripts/demo.py

# Most of lint has work for one core or waits for the network, so it runs while the first tests do.
test: setup  ## lint and all tests beside each other, and what the fast ones cover
	@$(MAKE) --no-print-directory --jobs 2 lint tests

tests: setup
	@echo "==> tests"
	@$(PYTEST) --cov --cov-report=
	@echo "==> coverage by the tests that are not slow, in percent of lines"
	@$(PYTHON) -m coverage report --format=total

check: setup style  ## what lint says of the code, then the fast tests: a few minutes
	@echo "==> the tests that are not slow"
	@$(PYTEST) -m "not slow"

style: setup
	@echo "==> ruff, mypy, imports and unused code"
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo --no-cache
	@$(PYTHON) -m vulture

lint: style  ## style, types, imports, unused code and known vulnerabilities
	@echo "==> known vulnerabilities"
	@$(PYTHON) scripts/audit.py || [ $$? -eq 3 ]  # 3: advisories cannot be had here, which was said

audit: setup  ## known vulnerabilities of the pinned packages; fails when that cannot be found out
	@$(PYTHON) scripts/audit.py

format: setup  ## rewrite files in the house style
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

docs: setup  ## build the documents as pages into build/docs, warnings as errors
	@$(PYTHON) -m sphinx -W --keep-going -q -c docs -d build/doctrees . build/docs

bench: setup  ## the OCR comparison of docs/results.md; needs the data folder: make bench DATA=path
	@OMP_THREAD_LIMIT=1 $(PYTHON) -m benchmarks.ocr --n 60 --seed 7 --data $(or $(DATA),$(error set DATA to the folder that holds imgflip/ and multioff/))

constraints:  ## resolve every extra anew into constraints.txt
	@scripts/setup.sh base
	@$(PYTHON) -m pip install --quiet uv
	@{ echo '# Every version that Memeguard is tested with. Made by `make constraints`; do not edit by hand.'; \
	   $(PYTHON) -m uv pip compile --quiet --upgrade pyproject.toml --all-extras --python-version 3.11 \
	     --no-annotate --no-header --no-emit-index-url; } > constraints.tmp && mv constraints.tmp constraints.txt

clean:  ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
