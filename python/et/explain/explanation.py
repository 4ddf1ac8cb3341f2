#===- explanation.py - What a report says, as data -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What is known of a program: its linear weights, its steps, what the compiler said. The page only shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .curve import Point
from .profiling import Profile
from .remarks import Remark
from .storage import Layout


#: Microseconds below which a time is none: the step hid behind its neighbour, or the machine was not quiet.
_RESOLUTION = 0.1


@dataclass(frozen=True)
class Picture:
    """The pattern of a weight: one cell for each tile of `tile`."""

    uri: str
    width: int
    height: int
    tile: tuple[int, int]
    kept: int
    total: int


@dataclass(frozen=True)
class Weight:
    """One weight of a linear layer, as the program stores it."""

    #: What the program calls it, and the parameters of the module that it is made of.
    name: str
    parameters: tuple[str, ...]
    #: Outputs and inputs in the module, and of what is left of them in the program.
    shape: tuple[int, int]
    layout: Layout
    #: The share of zeros in the module's weight; None where it is not known.
    zeros: float | None
    picture: Picture | None
    #: What the compiler did: "sparse", "smaller" (features removed, what is left is dense), or "dense".
    path: str
    #: The compiler's remarks on it, verbatim; where there is none, `because` says why.
    remarks: tuple[Remark, ...]
    because: str
    #: Of the time of the dense kernel for the whole weight, by the compiler's cost model.
    predicted_share: float | None
    dense_bytes: int
    stored_bytes: int
    #: Steps that read it, by number.
    steps: tuple[int, ...]
    us: float | None = None
    floor_us: float | None = None
    #: The time of the same layer when nothing of the weight is zero.
    dense_us: float | None = None

    @property
    def kept(self) -> tuple[int, int, int, int] | None:
        """Tiles kept, all tiles, and their size, as the compiler counted."""
        return next((r.encoded[:4] for r in self.remarks if r.encoded), None)

    @property
    def removed(self) -> tuple[int, int] | None:
        """Features that left the layer, of how many."""
        return next((r.removed for r in self.remarks if r.removed), None)

    @property
    def _has_dense(self) -> bool:
        return self.dense_us is not None and self.dense_us >= _RESOLUTION

    @property
    def predicted_us(self) -> float | None:
        """The cost model's share of the time that the dense kernel took."""
        return self.predicted_share * self.dense_us if self.predicted_share is not None and self._has_dense else None

    @property
    def measured_share(self) -> float | None:
        """Of the time that the dense kernel took."""
        return self.us / self.dense_us if self.us is not None and self.us >= _RESOLUTION and self._has_dense else None

    @property
    def share_of_floor(self) -> float | None:
        """How near its steps come to the floor."""
        return self.floor_us / self.us if self.floor_us and self.us else None


@dataclass(frozen=True)
class StepRow:
    """One step that was run, or that the plan holds."""

    number: int
    name: str
    kernel: str
    #: sparse, dense, attention, embedding or other.
    kind: str
    weights: tuple[str, ...]
    us: float | None = None
    floor_us: float | None = None
    bytes: int | None = None
    flops: int | None = None

    @property
    def share_of_floor(self) -> float | None:
        """How near the step comes to the floor."""
        return self.floor_us / self.us if self.floor_us and self.us else None


@dataclass(frozen=True)
class Advice:
    """What would help, in words, and the time it might save."""

    title: str
    text: str
    saves_us: float | None = None


@dataclass
class Explanation:
    """Everything on the page. `path` is where the page is."""

    title: str
    program: str
    producer: str
    target: str
    is_gpu: bool
    machine: str
    versions: Mapping[str, str]
    weights: tuple[Weight, ...]
    steps: tuple[StepRow, ...]
    #: Remarks that are not about a weight of the table, and what the importer said.
    remarks: tuple[Remark, ...]
    imported: tuple[str, ...]
    file_bytes: int
    code_bytes: int
    weight_bytes: int
    dense_weight_bytes: int
    profile: Profile | None = None
    #: The time of the run of the same model without zeros, where that was measured.
    dense_us: float | None = None
    advice: tuple[Advice, ...] = ()
    curve: tuple[Point, ...] = ()
    curve_svg: str = ""
    curve_note: str = ""
    #: What is not known, and why.
    notes: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False)

    @property
    def us(self) -> float | None:
        """The time of a run in microseconds."""
        return self.profile.us if self.profile else None
