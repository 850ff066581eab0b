PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check bench

help: ## 이 목록 / this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## 키 없이 매거진 한 편 만들기 / make a magazine article, with no key
	$(BIN)/fabula demo $(ARGS)

test: $(VENV)/.dev ## 모든 시험 / every test
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## 형식, 규칙, 타입 / format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --explicit-package-bases src tests

bench: $(VENV)/.dev ## 성능을 재서 reports/bench.json에 / measure, into reports/bench.json
	$(BIN)/python -m benchmarks.run $(ARGS)

# Each stamp is newer than what it was installed from, so that nothing is installed twice.
$(VENV)/.demo: pyproject.toml constraints.txt
	@$(venv)
	$(PIP) install -c constraints.txt -e '.[magazine]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@$(venv)
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.demo $@

define venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "Python 3.11 이상이 필요합니다 / Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }; \
$(BIN)/python -m pip --version >/dev/null 2>&1 \
  || $(PYTHON) -m venv --clear $(VENV) \
  || { rm -rf $(VENV); echo "apt install python3-venv"; exit 1; }
endef
