PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPOSE := docker compose --env-file deploy/.env -f deploy/compose.yaml

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-service fuzz-service chaos serve build up down

help: ## 이 목록 / this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

bench-service: $(VENV)/.dev ## 서비스의 부하를 재서 reports/bench-service.json에 / measure the service under load
	$(BIN)/python -m benchmarks.service $(ARGS)

fuzz-service: $(VENV)/.dev ## OpenAPI로 만든 요청 수천 건, SEED=n / thousands of requests made from the OpenAPI
	$(BIN)/python -m benchmarks.fuzz --seed $(or $(SEED),1) $(ARGS)

chaos: $(VENV)/.dev ## 장애 훈련, SEED=n, reports/chaos.json에 / rehearse faults, into reports/chaos.json
	$(BIN)/python -m benchmarks.chaos --seed $(or $(SEED),1) $(ARGS)

serve: $(VENV)/.serve ## 이 컴퓨터에서 서비스만, 다른 서버 없이 / the service here, no other server needed
	$(BIN)/fabula serve $(ARGS)

build: deploy/.env ## 컨테이너 이미지 만들기 / build the image
	$(COMPOSE) build $(ARGS)

up: deploy/.env ## 전체를 컨테이너로 켜기, ARGS="--scale worker=3" / start the whole stack
	$(COMPOSE) up --build --detach --wait $(ARGS)
	@echo 'http://127.0.0.1:8000  deploy/.env: FABULA_BOOTSTRAP_KEY'

down: ## 끄기, 자료는 남깁니다 / stop it, the data stays
	$(COMPOSE) down $(ARGS)

deploy/.env:
	@$(PYTHON) deploy/make_env.py

# Each stamp is newer than what it was installed from, so that nothing is installed twice.
$(VENV)/.demo: pyproject.toml constraints.txt
	@$(venv)
	$(PIP) install -c constraints.txt -e '.[magazine]'
	@touch $@

$(VENV)/.serve: pyproject.toml constraints.txt
	@$(venv)
	$(PIP) install -c constraints.txt -e '.[magazine,openai,gemini,postgres,service]'
	@touch $(VENV)/.demo $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@$(venv)
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.demo $(VENV)/.serve $@

define venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "Python 3.11 이상이 필요합니다 / Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }; \
$(BIN)/python -m pip --version >/dev/null 2>&1 \
  || $(PYTHON) -m venv --clear $(VENV) \
  || { rm -rf $(VENV); echo "apt install python3-venv"; exit 1; }
endef
