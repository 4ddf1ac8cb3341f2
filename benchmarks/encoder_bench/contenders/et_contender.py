#===- et_contender.py - E.T. -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""E.T., compiled once with batch and sequence dynamic: the same program runs every point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from encoder_bench import models
from encoder_bench.contender import Call, Context, ContenderError
from encoder_bench.points import Point


class ETContender:
    """One program, no settings to choose from."""

    def __init__(self, context: Context) -> None:
        try:
            import et
            import torch
        except ImportError as error:
            raise ContenderError(f"{error}; build it with: make build") from None
        sizes = {0: "batch", 1: "sequence"}
        example = torch.ones(2, 8, dtype=torch.int64), torch.ones(2, 8, dtype=torch.int64)
        try:
            self.program = et.compile(
                models.build(context.spec), example, threads=context.threads,
                dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
            )
        except et.Error as error:
            raise ContenderError(str(error)) from None

    def variants(self, point: Point, ids: np.ndarray, mask: np.ndarray) -> dict[str, Callable[[], Call]]:
        """Returns the program applied to the inputs."""
        return {"one program for all sizes": lambda: lambda: self.program(ids, mask)}
