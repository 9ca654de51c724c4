# make run   the main job on our own sample values, without a cluster, into build/preview/
# make test  every layer of tests; what cannot run here is said in the last lines
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
LOCK := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host \
  --no-emit-find-links --allow-unsafe

.DEFAULT_GOAL := help
.PHONY: help install programs run check test bench lock renew-images docs site release clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed  ## Make .venv with everything

$(VENV)/.installed: requirements-dev.txt requirements-build.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  -r requirements-dev.txt -r requirements-build.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat --editable .
	$(BIN)/python -m compileall -q steps  # some machines forbid Python to keep what it compiles
	touch $@

programs: install  ## Install and build every program that the tests call
	$(BIN)/python -m tests.prepare

run: install  ## Run the main job on the sample values
	$(BIN)/preview-deployment --values-git-url=examples/values --values-file-path=. --output=build/preview

check: install  ## Lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict tekton examples .yamllint
	$(BIN)/hadolint Containerfile
	$(BIN)/python tekton/generate.py --check
	$(BIN)/python docs/generate.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: check programs  ## Run every layer of tests
	$(BIN)/python -m tests.layers

bench: install  ## Measure generator, mirror and pipelines against their floors (OC_MIRROR names the real program)
	$(BIN)/python -m tests.bench.generator
	$(BIN)/python -m tests.bench.mirror
	$(BIN)/python -m tests.bench.nights
	$(BIN)/python -m tests.bench.sites
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.push
	$(BIN)/python -m tests.bench.publish
	$(BIN)/python -m tests.bench.verify
	$(BIN)/python -m tests.bench.signatures
	$(BIN)/python -m tests.bench.readiness

docs: install  ## Write the generated reference
	$(BIN)/python tekton/generate.py
	$(BIN)/python docs/generate.py

site: install  ## Build the documentation site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lock: install  ## Renew the hash-locked requirements
	$(LOCK) --upgrade --output-file=requirements.txt pyproject.toml
	$(LOCK) --upgrade --all-build-deps --only-build-deps --output-file=requirements-build.txt pyproject.toml
	$(LOCK) --upgrade --extra=dev --output-file=requirements-dev.txt pyproject.toml

renew-images: install  ## Write the digests that the images of others have now
	$(BIN)/python tekton/renew_images.py; code=$$?; $(MAKE) --no-print-directory docs && exit $$code

release: install  ## Commit and tag VERSION=0.2.0, build image, site, catalog, SBOM; PUSH=1 pushes, to REGISTRY
	$(BIN)/python tekton/release.py "$(VERSION)" $(if $(filter 1,$(PUSH)),--push) \
	  $(if $(REGISTRY),--registry="$(REGISTRY)") $(foreach argument,$(BUILD_ARGS),--build-arg="$(argument)")

clean:  ## Remove what was built
	rm -rf build $(VENV) *.egg-info
