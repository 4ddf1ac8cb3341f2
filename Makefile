# E.T. - set up, build, test, demo and benchmark from a bare Debian 12.
#
#   make demo    compile a real encoder and embed sentences with it
#   make test    build everything and run every test
#   make bench   time E.T. beside the peers installed here
#   make tools   the command line tools, in build/bin
#   make install tools, libraries and the package for find_package(ET), to PREFIX
#   make help    all targets
#
# Variables: BUILD (build folder), JOBS (parallel jobs), PYTHON (which python3 makes .venv), SETUP=no (install nothing), PREFIX (of make install),
# DEMO_ARGS and BENCH_ARGS (options of the demo and of the benchmark), ET_DATA (a folder of data sets for the demo).

SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)
SETUP ?= yes
PREFIX ?= /usr/local
VENV := .venv
VPY := $(VENV)/bin/python
LLVM := /usr/lib/llvm-22
export PYTHON

CMAKE_FLAGS := -G Ninja -DMLIR_DIR=$(LLVM)/lib/cmake/mlir -DLLVM_DIR=$(LLVM)/lib/cmake/llvm \
  -DCMAKE_C_COMPILER=$(LLVM)/bin/clang -DCMAKE_CXX_COMPILER=$(LLVM)/bin/clang++ \
  -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=lld \
  -DPython3_EXECUTABLE=$(abspath $(VPY))

# The sets of Python packages (requirements/) that a target needs.
PYTHON_SETS := test docs
demo tools install: PYTHON_SETS := runtime
bench: PYTHON_SETS := runtime bench

# What Python loads: the compiler, and the runtime of saved programs with its tool, which et.explain starts.
LIBRARIES := ETCAPI ETRuntimeShared et-run-program

# What each flavour adds; a flavour has its own build folder.
FLAVOUR := -DCMAKE_BUILD_TYPE=Release
static: FLAVOUR += -DET_STATIC=ON
asan: FLAVOUR := -DCMAKE_BUILD_TYPE=RelWithDebInfo -DET_SANITIZE=address,undefined

CXX_FILES = $(shell git ls-files '*.h' '*.cpp')
# Changed since main parted, or not committed yet.
CHANGED_CPP = $(shell { git diff --name-only --diff-filter=d $$(git merge-base HEAD main) -- '*.cpp'; \
                        git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u)

.PHONY: help setup configure build tools install test check demo bench static wheel wheel-test asan docs format format-check tidy clean
.DEFAULT_GOAL := help

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s $$'\t'

setup: ## Install the Debian and Python packages that are missing
ifeq ($(SETUP),yes)
	@scripts/setup.sh $(PYTHON_SETS)
endif

configure: $(BUILD)/build.ninja ## Configure the build folder

$(BUILD)/build.ninja: | setup
	cmake -S . -B $(BUILD) $(FLAVOUR) $(CMAKE_FLAGS)

build: setup configure ## Build every tool, library and unit test
	ninja -C $(BUILD) -j$(JOBS)

tools: setup configure ## Build the command line tools and the libraries that Python loads
	ninja -C $(BUILD) -j$(JOBS) $(notdir $(patsubst %/,%,$(wildcard tools/et-*/))) $(LIBRARIES)

install: setup configure ## Install tools, libraries, headers and the CMake package (PREFIX=FOLDER, else /usr/local)
	ninja -C $(BUILD) -j$(JOBS) et-package
	cmake --install $(BUILD) --prefix $(PREFIX)

# Both suites run, whichever fails; the exit status says whether either did.
test: build ## Set up, build and run every test
	@status=0; \
	ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS) || status=1; \
	ET_BUILD_DIR=$(abspath $(BUILD)) $(VPY) -m pytest || status=1; \
	exit $$status

demo: setup configure ## Compile a real encoder and embed sentences with it (ET_DATA=FOLDER: whole data sets)
	ninja -C $(BUILD) -j$(JOBS) $(LIBRARIES)
	ET_BUILD_DIR=$(abspath $(BUILD)) $(VPY) examples/embed_sentences.py $(DEMO_ARGS)

bench: setup configure ## Time E.T. beside the peers; BENCH_ARGS="--help" lists the options
	ninja -C $(BUILD) -j$(JOBS) ETCAPI
	ET_BUILD_DIR=$(abspath $(BUILD)) $(VPY) benchmarks/encoders.py $(BENCH_ARGS)

check: configure ## Run the regression tests of the compiler only (lit)
	ninja -C $(BUILD) -j$(JOBS) check-et

static: ## Build self-contained, stripped tools into build-static, and test them
	@$(MAKE) --no-print-directory configure BUILD=build-static FLAVOUR="$(FLAVOUR)"
	ninja -C build-static -j$(JOBS)
	ctest --test-dir build-static --output-on-failure -j$(JOBS)

wheel: ## Build dist/*.whl: one self-contained Python package, with the compiler and the tools inside
	@$(MAKE) --no-print-directory configure BUILD=build-static FLAVOUR="-DCMAKE_BUILD_TYPE=Release -DET_STATIC=ON"
	ninja -C build-static -j$(JOBS) ETToolbox ETRuntimeShared et-run-program
	rm -f dist/*.whl
	$(VPY) scripts/wheel.py build-static

wheel-test: wheel ## Install the wheel in an empty virtual environment, and compile and run MiniLM there
	scripts/wheel_test.sh dist/*.whl $(abspath $(VPY))

# Poisoning by hand is off: LLVM's own libraries, which are not sanitized, and its headers in our code do not agree on it.
asan: ## Build with address and undefined-behaviour sanitizers into build-asan, and test
	@$(MAKE) --no-print-directory configure BUILD=build-asan FLAVOUR="$(FLAVOUR)"
	ninja -C build-asan -j$(JOBS)
	ASAN_OPTIONS=allow_user_poisoning=0 ctest --test-dir build-asan --output-on-failure -j$(JOBS)

# Warnings are errors: a link that leads nowhere, or a page that no menu has, fails.
docs: setup configure ## Write the generated reference pages to docs/reference, and build the site into build/site
	ninja -C $(BUILD) -j$(JOBS) et-doc
	$(VPY) -m sphinx -q -W --keep-going -c docs/site -d $(BUILD)/site-cache . $(BUILD)/site
	@echo "wrote $(BUILD)/site/index.html"

format: ## Format the C++ files (apt-get install clang-format-22)
	$(LLVM)/bin/clang-format -i $(CXX_FILES)

format-check: ## Fail if a C++ file is not formatted
	$(LLVM)/bin/clang-format --dry-run --Werror $(CXX_FILES)

tidy: build ## Run clang-tidy over the C++ files changed since main (apt-get install clang-tidy-22)
	@if [ -n "$(CHANGED_CPP)" ]; then $(LLVM)/bin/clang-tidy -p $(BUILD) --quiet $(CHANGED_CPP); else echo "no changed .cpp file"; fi

clean: ## Remove the build folders (.venv stays)
	rm -rf build build-static build-asan dist
