# bro-osquery: every target sets itself up; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Everything runs on the Node of package-lock.json, whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# Specs that open sockets, processes or browsers have a process each.
SPECS ?= specs/**/*.int.spec.ts
# The others share one: starting it costs more than most of them. specs/spec-cost.spec.ts holds the names to that.
UNIT_SPECS = $(filter-out %.int.spec.ts,$(shell find specs -name '*.spec.ts'))

.PHONY: help setup setup-nats setup-chromium check types lint layering format test test-unit binary package setup-release release check-release setup-arm64 test-arm64 demo inspect docs demo-nats demo-attack bench bench-attribution fuzz chaos chaos-gateway chaos-log thrift

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: node_modules/.package-lock.json ## install what package-lock.json names

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

check: types lint layering ## types, lint, formatting and layering

# The type checker keeps here what it knows of files: it looks only at what has changed.
TYPES := node_modules/.cache

types: setup ## type-check everything
	tsc -p . --incremental --tsBuildInfoFile $(TYPES)/all.tsbuildinfo
	tsc -p src/inspect/page --incremental --tsBuildInfoFile $(TYPES)/page.tsbuildinfo
	tsc -p src/report/page --incremental --tsBuildInfoFile $(TYPES)/report.tsbuildinfo
	tsc -p src/console-page/page --incremental --tsBuildInfoFile $(TYPES)/console-page.tsbuildinfo

lint: setup ## lint and check the formatting
	biome check --error-on-warnings .

layering: setup ## fail when an import points the wrong way, or a spec's name hides what it opens
	node --import tsx --test specs/layering.spec.ts specs/spec-cost.spec.ts

format: setup ## rewrite files to the project's format
	biome check --write .

setup-nats: setup ## have a nats-server for specs and demo, where one can be had
	specs/support/setup-nats.sh

setup-chromium: ## have a Chromium for the browser specs and the pictures, where one can be had
	specs/support/setup-chromium.sh

# A file or test that takes five minutes hangs.
test: setup setup-nats setup-chromium dist/bro-osquery.ext ## run all specs
	node --import tsx --test --test-isolation=none --test-timeout=60000 --test-reporter=spec $(UNIT_SPECS)
	node --import tsx --test --test-concurrency=3 --test-timeout=300000 --test-reporter=spec '$(SPECS)'

test-unit: setup ## run the specs that open no socket, process or browser
	node --import tsx --test --test-isolation=none --test-timeout=60000 $(UNIT_SPECS)

SOURCES := $(shell find src actors zeek/osquery -name '*.ts' -o -name '*.zeek' -o -name '*.md' -o -name '*.js' -o -name '*.json' -o -name '*.css' -o -name '*.html') package.json package-lock.json

binary: dist/bro-osquery.ext ## build the one executable, dist/bro-osquery.ext

dist/bro-osquery.ext: $(SOURCES) | setup
	node --import tsx src/cli/build/binary.ts

package: dist/bro-osquery.ext ## make a Debian package of it
	node --import tsx src/cli/build/package.ts

setup-release:
	specs/support/setup-release.sh

release: setup setup-release ## make everything that is published, for all systems, in dist/release
	node --import tsx src/cli/build/release.ts $(RELEASE_FLAGS)

check-release: setup setup-release ## make a release twice, and look into everything that it has
	node --import tsx --test --test-timeout=3600000 --test-reporter=spec specs/release/artefacts.ts

setup-arm64:
	specs/support/setup-arm64.sh

ARM64_SPECS ?= $(UNIT_SPECS)

test-arm64: setup setup-arm64 dist/linux-arm64/bro-osquery.ext ## run the build for Linux on arm64, and the unit specs, under qemu
	node --import tsx --test --test-timeout=900000 --test-reporter=spec specs/release/arm64.ts
	specs/support/test-arm64.sh $(ARM64_SPECS)

dist/linux-arm64/bro-osquery.ext: $(SOURCES) | setup
	node --import tsx src/cli/build/binary.ts --target linux-arm64

BENCHES ?= specs/bench/*.bench.ts

bench: setup dist/bro-osquery.ext ## measure this machine (BENCHES=… for some)
	for bench in $(BENCHES); do echo "== $$bench"; node --import tsx "$$bench"; done

bench-attribution: setup ## how many connections get the right process, with the real Zeek and osqueryd (ZEEK, OSQUERYD, AUDIT, SCALE); as root
	node --import tsx specs/bench/attribution/run.ts
	node --import tsx specs/bench/attribution/cost.ts

FUZZ_SECONDS ?= 60

fuzz: setup ## mutate recorded sessions against the codecs (FUZZ_SECONDS, FUZZ_SEED); what is new joins the corpus
	for fuzz in specs/fuzz/*.fuzz.ts; do echo "== $$fuzz"; FUZZ_SECONDS=$(FUZZ_SECONDS) node --import tsx "$$fuzz"; done

CHAOS_ROUNDS ?= 200

chaos: setup ## kill, stop and cut off everything at random, 200 rounds (CHAOS_ROUNDS, CHAOS_SEED)
	CHAOS_ROUNDS=$(CHAOS_ROUNDS) CHAOS_SEED=$(CHAOS_SEED) node --import tsx --test --test-reporter=spec specs/cli/chaos.int.spec.ts specs/cli/bounds.int.spec.ts specs/delivery/delivery-chaos.int.spec.ts

chaos-gateway: setup setup-nats ## kill, stop and cut off gateways, Zeek and nats-server under simulated hosts, 200 rounds (CHAOS_ROUNDS, CHAOS_SEED, CHAOS_HOSTS)
	CHAOS_ROUNDS=$(CHAOS_ROUNDS) CHAOS_SEED=$(CHAOS_SEED) node --import tsx --test --test-reporter=spec specs/gateway/chaos.int.spec.ts specs/gateway/nats-failover.int.spec.ts

CHAOS_KILLS ?= 1000
CHAOS_SEED ?= $(shell date +%s)

chaos-log: setup ## kill the writer of the event log with -9 a thousand times (CHAOS_KILLS, CHAOS_SEED)
	CHAOS_KILLS=$(CHAOS_KILLS) CHAOS_SEED=$(CHAOS_SEED) node --import tsx --test --test-reporter=spec specs/event-log/event-log-crash.int.spec.ts

demo: setup ## show the whole way on this host, with the osqueryd of OSQUERYD and the Zeek of ZEEK, or those of the PATH
	node --import tsx src/cli/main.ts demo

demo-nats: setup setup-nats ## show three hosts and a Zeek at a nats-server that dies and comes back
	node --import tsx src/cli/main.ts demo-nats

demo-attack: setup ## act out an attack on hosts in namespaces, with the Zeek of ZEEK and the osqueryd of OSQUERYD, or those of the PATH (root, Linux)
	node --import tsx src/cli/main.ts demo-attack $(DEMO_FLAGS)

inspect: setup ## run osqueryd or its stand-in, a Zeek's stand-in and the extension, with a page to look at them
	node --import tsx src/cli/main.ts inspect --sandbox

docs: setup setup-chromium ## make the manual's pictures anew, in fixtures/docs
	node --import tsx specs/docs/pictures.ts

# Debian's thrift-compiler 0.17; the result is committed, so that nobody else needs it.
thrift: ## generate src/osquery/generated from osquery.thrift
	thrift --gen js:node,es6,ts -out src/osquery/generated src/osquery/osquery.thrift
	echo '{ "type": "commonjs" }' > src/osquery/generated/package.json
