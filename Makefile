# make run, make test: everything else is for developers. `make help` lists all.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
export PYTHONPATH := plugins:.
# Where it is set, each of the many processes of a run or a test compiles all of Airflow again, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE
# Only from the command line: some shells set ENV.
RUN_CLIENT := $(if $(filter command line,$(origin CLIENT)),--client '$(CLIENT)')
RUN_ENV := $(if $(filter command line,$(origin ENV)),--environment '$(ENV)')

.DEFAULT_GOAL := help
# All targets that help lists.
.PHONY: venv $(shell sed -n 's/^\([a-z-]*\):.*## .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

venv: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer with the module venv was not found; set PYTHON=" >&2; exit 2; }
	@echo "installing the pinned dependencies into $(VENV) with $(PYTHON), once"
	@$(PYTHON) -m venv $(VENV)
	@# uv installs in a tenth of pip's time; where it fails (no wheel, an index only pip knows), pip installs.
	@# Both refuse what has not the hash of the lock.
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt \
		&& VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements-dev.txt 2>/dev/null \
		|| $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

run: venv ## run the nightly job on this machine: make run CLIENT=enercity ENV=local
	@$(BIN)/python -m billing_aggregator run $(RUN_CLIENT) $(RUN_ENV) $(ARGS)

page: venv ## the page of publications on this machine, after make run: make page ARGS="--port 8642"
	@$(BIN)/python -m billing_aggregator page $(RUN_CLIENT) $(RUN_ENV) $(ARGS)

screenshots: venv ## take the pictures of the page in docs/images/ again, with Chromium
	@$(BIN)/python -m scripts.screenshots

publications: venv ## what is published, is it whole, what differs: make publications ARGS="compare previous latest"
	@$(BIN)/python -m billing_aggregator publications $(ARGS)

serve: venv ## the ledger's API on an embedded database, to try it out
	@$(BIN)/python -m services.ledger_api.try_out

validate: venv ## check configuration, scripts, checks and exports of every client; offline
	@$(BIN)/python -m billing_aggregator validate $(ARGS)

health: venv ## check database, privileges, S3, mail and Slack: make health CLIENT=enercity ENV=prod
	@$(BIN)/python -m billing_aggregator health $(RUN_CLIENT) $(RUN_ENV) $(ARGS)

plan: venv ## show what a run would do: make plan CLIENT=enercity ENV=prod ARGS=--json
	@$(BIN)/python -m billing_aggregator plan $(RUN_CLIENT) $(RUN_ENV) $(ARGS)

produce-orders: venv ## send random orders to a broker: make produce-orders CLIENT=webshop ORDERS=1000
	@$(BIN)/python -m billing_aggregator produce-orders $(RUN_CLIENT) $(RUN_ENV) $(if $(ORDERS),--orders $(ORDERS)) $(ARGS)

PYTEST = COVERAGE_FILE=build/.coverage $(BIN)/python -m pytest --dist loadfile --cov --cov-branch

# The tests of the whole Airflow run alone, after all others. Status 5: ARGS selects no test of this half.
test: lint typecheck ## lint, type check and all tests, with branch coverage
	@mkdir -p build
	@$(PYTEST) -n 2 --stack=without --cov-report= --junitxml=build/tests.xml $(ARGS); most=$$?; \
	test $$most -le 1 -o $$most -eq 5 || exit $$most; \
	$(PYTEST) --stack=only --junitxml=build/tests-stack.xml --cov-append --cov-report=term --cov-report=json:build/coverage.json $(ARGS); stack=$$?; \
	test $$stack -ne 5 || exit $$most; \
	test $$stack -eq 0 -a $$most -ne 0 -a $$most -ne 5 && exit $$most; \
	exit $$stack

# MWAA's older Airflow, as MWAA installs it: psycopg2 is the only driver. The tools of the tests lie beside it, where
# whole runs do not see them. Left out: lineage, whose provider MWAA has not, and `make run`, which is development's.
OLDER := 3.2.1
OLD := build/airflow-$(OLDER)
OLDER_TESTS := tests/unit tests/dags tests/checks tests/integration tests/stack/test_dags_test.py
NOT_OLDER := $(patsubst %,--ignore=%,$(wildcard tests/integration/test_lineage.py tests/integration/test_make_run*.py \
	tests/integration/test_run_options.py))

$(OLD)/.installed: constraints/mwaa-$(OLDER).txt requirements-dev.txt $(VENV)/.installed
	@rm -rf $(OLD)
	@$(PYTHON) -m venv $(OLD)
	@VIRTUAL_ENV=$(OLD) $(BIN)/uv pip install --quiet --no-deps -r $<
	@awk -F== 'NR == FNR {pinned[$$1]; next} /^[a-z0-9]/ && !($$1 in pinned) && $$1 !~ /^apache-airflow/ {sub(/ *\\$$/, ""); print}' $< requirements-dev.txt > $(OLD)/tools.txt
	@VIRTUAL_ENV=$(OLD) $(BIN)/uv pip install --quiet --no-deps --target $(OLD)/tools -r $(OLD)/tools.txt
	@touch $@

test-older: $(OLD)/.installed ## the tests that an Airflow can break, on MWAA's older one; PYTHON=python3.12 is MWAA's
	@PYTHONPATH=plugins:.:$(OLD)/tools STACK_PYTHON=$(abspath $(OLD))/bin/python \
		$(OLD)/bin/python -m pytest -n 2 --dist loadfile $(NOT_OLDER) $(OLDER_TESTS) $(ARGS)

test-deploy: venv ## tests of Terraform, charts, workflows: make test-deploy ARGS="-k terraform"
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/deploy $(ARGS)

test-feeds: venv ## kill and cut off the orders' feed: make test-feeds ROUNDS=200; figures in build/test-feeds.json
	@$(BIN)/python -m tests.feeds --rounds $(or $(ROUNDS),200) $(ARGS)

# MINUTES is what rounds and races share: a slow machine does fewer of them, and says so; 0 is no limit.
test-faults: venv ## the long form of docs/promises.md, under an hour: make test-faults ROUNDS=20 RACES=100 MINUTES=40
	@mkdir -p build
	@rm -f build/test-faults.jsonl
	@$(if $(ROUNDS),FAULT_ROUNDS='$(ROUNDS)') $(if $(RACES),FAULT_RACES='$(RACES)') \
		$(if $(MINUTES),FAULT_MINUTES='$(MINUTES)') \
		$(BIN)/python -m pytest -m faults --durations 0 --durations-min 10 --junitxml=build/tests-faults.xml $(ARGS) tests/faults tests/survival
	@$(BIN)/python -m tests.feeds --rounds 40 --out test-faults-feeds.json

soak: venv ## feeds and nights under a real scheduler with faults: make soak HOURS=2; figures in build/soak.json
	@$(BIN)/python -m tests.survival.soak --hours $(or $(HOURS),2) $(ARGS)

mutation: venv ## break every rule of the SQL once; counts in build/mutations.json
	@ALL_MUTATIONS=1 $(BIN)/python -m pytest -q tests/golden/test_mutations.py

bench-sql: venv ## seconds of each init script: make bench-sql CHARGES=1000000 ARGS="--against HEAD~1 --repeat 3"
	@$(BIN)/python -m benchmarks.bench_sql --charges $(or $(CHARGES),300000) $(ARGS)

bench-export: venv ## compare the export with psql and the stock operator: make bench-export ROWS=2000000
	@$(BIN)/python -m benchmarks.bench_export --rows $(or $(ROWS),2000000) $(ARGS)

bench-orders: venv ## events from a broker to invoices and to the events' topic: make bench-orders EVENTS=200000
	@$(BIN)/python -m benchmarks.bench_orders --events $(or $(EVENTS),200000) $(ARGS)

bench-ledger: venv ## the ledger's API with 16 clients: make bench-ledger ARGS="--seconds 5 --large 1000000"
	@$(BIN)/python -m benchmarks.bench_ledger $(ARGS)

bench-usage: venv ## a month's usage priced and posted, a reading of many apps: make bench-usage ARGS="--apps 1000"
	@$(BIN)/python -m benchmarks.bench_usage $(ARGS)

bench-dags: venv ## CPU of building and serialising the DAGs: make bench-dags CLIENTS=500
	@$(BIN)/python -m benchmarks.bench_dags --clients $(or $(CLIENTS),50) $(ARGS)

bench-night: venv ## a night under a real scheduler: make bench-night ARGS="--against HEAD~1 --repeat 3"
	@$(BIN)/python -m benchmarks.bench_night $(ARGS)

bench-publications: venv ## seconds and memory of verify, download and compare: make bench-publications ROWS=2000000
	@$(BIN)/python -m benchmarks.bench_publications --rows $(or $(ROWS),2000000) $(ARGS)

package-mwaa: venv ## build the package for MWAA in build/mwaa/
	@$(BIN)/python scripts/package_mwaa.py

package-terraform: venv ## build terraform/ with clients.yaml and the MWAA package in build/terraform.tar.gz
	@$(BIN)/python -m scripts.package_terraform

docs: venv ## build the site in build/site/; a broken link fails
	@$(BIN)/python -m scripts.site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: venv ## show the site on http://127.0.0.1:8000, built again after each change
	@$(BIN)/python -m scripts.site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

try-compose: venv ## start docker-compose.yaml once with podman and stand-in images; needs root and podman
	@$(BIN)/python -m scripts.try_compose

release-check: venv ## say whether everything has the same version: make release-check TAG=v1.2.3
	@$(BIN)/python -m scripts.release check $(if $(TAG),--tag '$(TAG)')

test-large: venv ## acceptance tests with millions of rows; takes about a quarter of an hour
	@$(BIN)/python -m pytest -m benchmark tests/features

lint: venv ## check the style of Python and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar include/sql

typecheck: venv ## check types, strictly
	@$(BIN)/mypy

fmt: venv ## format Python and SQL
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --processes 2 --disable-progress-bar include/sql

graph: venv ## draw the package's imports into docs/architecture.md
	@$(BIN)/python -m scripts.draw_imports

describe: venv ## write the columns' meanings from the SQL into docs/list-columns.md
	@$(BIN)/python -m scripts.describe_columns

proto: venv ## generate the ledger API's messages from ledger.proto
	@$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. \
		services/ledger_api/proto/ledger.proto

hooks: venv ## check changed files before each commit, with the tools of lint and typecheck
	@$(BIN)/pre-commit install

lock: venv ## resolve requirements-dev.in again into requirements-dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--generate-hashes --constraint constraints/mwaa-3.3.1.txt requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--generate-hashes --constraint requirements-dev.txt $(foreach name,flask blinker itsdangerous jinja2 markupsafe werkzeug,--no-emit-package $(name)) \
		services/ledger_api/requirements.in -o services/ledger_api/requirements.txt

clean: ## remove everything that make has created
	rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
