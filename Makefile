# The commands of this repository. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench sqlx openapi

DEMO_ARGS ?=

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: PostgreSQL programs, Chromium, node, the Python environment
	@scripts/setup all

demo: ## build, start Lakewarden on a Postgres of its own, load a lake, print where to look (DEMO_ARGS="--port 9000")
	@scripts/setup postgres
	cargo build --release --locked -p lakewarden-server
	@"$$(scripts/target-dir)/release/lakewarden" demo $(DEMO_ARGS)

test: ## everything: formatting, lints, queries, unit, HTTP, flow, policy, emulator, browser and client tests
	@scripts/setup all
	@scripts/test

lint: ## formatting, clippy, and the checked-query cache against a real Postgres
	@scripts/setup postgres
	@scripts/lint

bench: ## measure and print: ownership, OpenLineage over HTTP, CloudTrail import, pages
	@scripts/setup postgres
	@scripts/bench

sqlx: ## refresh .sqlx after a change of a query or a migration
	@scripts/setup postgres
	@scripts/sqlx

openapi: ## write docs/openapi.json
	cargo run -q -p lakewarden-server -- openapi > docs/openapi.json
