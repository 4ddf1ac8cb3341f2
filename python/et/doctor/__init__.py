#===- __init__.py - What this machine offers -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""`python -m et doctor` says what the machine offers to E.T. and what is missing; `about` what the package is made of.

Nothing here needs PyTorch, or a library that loads: the doctor is called when something is missing.
"""
