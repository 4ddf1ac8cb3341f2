#===- cli.py - python -m et doctor -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The command line of the doctor."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Sequence

from .about import about
from .probes import NEEDED, OK, examine


def main(arguments: Sequence[str]) -> int:
    """Prints what the machine offers; 1 when something is missing that is needed."""
    parser = argparse.ArgumentParser(prog="python -m et doctor", description="Says what this machine offers to E.T., what is missing, "
                                     "what that costs and how to get it. Exit status: 0, or 1 when something needed is missing.")
    parser.add_argument("--target", choices=("cpu", "cuda"), default="cpu", help="what programs are to run on; cuda: a GPU is needed "
                        "(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON, which also holds what et --version says")
    options = parser.parse_args(arguments)
    findings = examine(options.target)
    missing = [finding.name for finding in findings if finding.status == NEEDED]
    if options.json:
        print(json.dumps({"about": about(), "findings": [dataclasses.asdict(f) for f in findings], "missing": missing}, indent=1))
        return 1 if missing else 0
    for finding in findings:
        sign = "ok" if finding.status == OK else "MISSING" if finding.status == NEEDED else "-"
        print(f"{sign:8}{finding.name:14}{finding.text}")
        if finding.cost:
            print(f"{'':22}cost: {finding.cost}\n{'':22}get it: {finding.fix}")
    print(f"missing: {', '.join(missing)}" if missing else "all that is needed is there")
    return 1 if missing else 0
