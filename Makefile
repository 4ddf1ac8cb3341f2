# E.T. - set up, build, test, demo and benchmark from a bare Debian 12.
#
#   make demo    compile a real encoder and embed sentences with it
#   make test    build everything and run every test
#   make bench   time E.T. beside the peers installed here
#   make help    all targets

SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)
PYTHON ?= python3
VENV := .venv
VPY := $(VENV)/bin/python
LLVM := /usr/lib/llvm-22

# A precompiled header is shared by every target; these let ccache reuse its objects between checkouts.
export CCACHE_BASEDIR ?= $(abspath ..)
export CCACHE_SLOPPINESS ?= pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_NOHASHDIR ?= 1

CMAKE_FLAGS := -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLIR_DIR=$(LLVM)/lib/cmake/mlir \
  -DCMAKE_C_COMPILER=$(LLVM)/bin/clang -DCMAKE_CXX_COMPILER=$(LLVM)/bin/clang++ \
  -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache \
  -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=lld \
  -DPython3_EXECUTABLE=$(abspath $(VPY))

.PHONY: help configure build
help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s $$'\t'

configure: $(BUILD)/build.ninja ## Configure the build folder

$(BUILD)/build.ninja:
	cmake -S . -B $(BUILD) $(CMAKE_FLAGS)

build: configure ## Build every tool and library
	ninja -C $(BUILD) -j$(JOBS)
