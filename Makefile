# `make app` starts the app, `make test` runs all tests; each first installs what it needs into .venv. PIP_ARGS is
# passed on to pip.
.PHONY: app test runtime
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
RUNTIME := ae_demo/ui/assets/runtime
BIOME := .venv/node_modules/.bin/biome

app: .venv/.app
	$(BIN)/python app.py

test: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIOME) check --error-on-warnings ae_demo/ui/assets
	$(BIN)/python -m pytest -n 3 --dist loadfile

runtime:  # the vendored runtime of the networks in the page, anew from npm
	cd $(RUNTIME) && npm pack --silent onnxruntime-web@1.30.0 && tar xzf onnxruntime-web-1.30.0.tgz
	cp $(RUNTIME)/package/dist/ort.wasm.bundle.min.mjs $(RUNTIME)
	gzip -9nc $(RUNTIME)/package/dist/ort-wasm-simd-threaded.wasm > $(RUNTIME)/ort-wasm-simd-threaded.wasm.gz
	rm -r $(RUNTIME)/package $(RUNTIME)/onnxruntime-web-1.30.0.tgz

.venv/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r requirements.txt
	touch $@

.venv/.test: .venv/.app tests/requirements.txt Makefile
	@if ! command -v $${CHROMIUM:-chromium-headless-shell} >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && export DEBIAN_FRONTEND=noninteractive INSTALL="apt-get install -y -qq --no-install-recommends"; \
	    { $$INSTALL chromium-headless-shell || $$INSTALL chromium; } >/dev/null; \
	  elif ! command -v chromium >/dev/null; then \
	    echo "The browser tests need Chromium: install it, or set CHROMIUM to the path of a Chrome or Chromium."; exit 1; \
	  fi; \
	fi
	@if ! command -v npm >/dev/null; then \
	  echo "The scripts of the page are checked by biome, which npm installs: install Node.js 20 or newer."; exit 1; \
	fi
	$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r tests/requirements.txt
	npm install --prefix .venv --no-save --no-package-lock --no-audit --no-fund --silent @biomejs/biome@2.6.8 axe-core@4.14.1
	touch $@
