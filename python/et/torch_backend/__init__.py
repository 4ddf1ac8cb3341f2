#===- __init__.py - torch.compile(backend="et") -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""One line puts E.T. under a PyTorch program:

    import et
    fast = torch.compile(model, backend="et")
    with torch.no_grad():
        fast(ids, mask)
    print(et.torch_backend.report(fast))        # what runs compiled, what does not, and why

What can be compiled runs as programs, for any batch and length; the rest runs as PyTorch wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import record
from .register import register

if TYPE_CHECKING:
    from .describe import Report

__all__ = ["record", "register", "report"]


def report(compiled: Any = None) -> "Report":
    """What became of a module or function that torch.compile returned with this backend; of all of them by default.

    Print it, or ask it: `report.share` is the share of operations that run compiled. Raises TypeError for what torch.compile did
    not return.
    """
    from .describe import make

    return make(compiled)
