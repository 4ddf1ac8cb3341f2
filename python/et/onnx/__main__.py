#===- __main__.py - python -m et.onnx -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`python -m et.onnx`: see cli.py."""

import sys

from .cli import main

sys.exit(main())
