#===- pool.py - The parent's side of a worker -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Starts workers, asks them, and turns whatever goes wrong with one into a reason."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent


class WorkerFailed(RuntimeError):
    """A worker answered with a failure, went silent or died; the text says which and why."""


def environment(threads: int) -> dict[str, str]:
    """Returns the variables a worker runs with: the number of threads for every pool, otherwise the defaults of each."""
    path = [str(BENCHMARKS), str(ROOT / "examples"), str(ROOT / "python"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


class WorkerProcess:
    """A running worker. `command` is for tests: something else that speaks the protocol."""

    def __init__(self, config: dict[str, Any], log: Path, command: Sequence[str] | None = None) -> None:
        self.name: str = config["contender"]
        self.log = log
        self._buffer = b""
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                command or [sys.executable, "-m", "encoder_bench.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=stream, env=environment(config["threads"]), cwd=config["folder"],
                start_new_session=True,  # see processors.priority
            )
        self._send(config)

    @property
    def pid(self) -> int:
        """The process to look at for whether its threads have parked."""
        return self._process.pid

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._process.stdin.write((json.dumps(message) + "\n").encode())
            self._process.stdin.flush()
        except (OSError, ValueError):  # broken pipe, or closed after an earlier failure
            raise WorkerFailed(self._epitaph()) from None

    def _epitaph(self) -> str:
        """Says how the process ended, with the last line of its log."""
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "closed its output"
        how = f"killed by signal {-status}" if status < 0 else f"exited with status {status}"
        lines = self.log.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{how}{': ' + last[:300] if last else ''}"

    def _read_line(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.stop()
                    raise WorkerFailed(f"no answer within {timeout:.0f} s")
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    raise WorkerFailed(self._epitaph())
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def ask(self, timeout: float, **request: Any) -> dict[str, Any]:
        """Sends a request and returns its answer. A worker that does not answer in time is ended."""
        self._send(request)
        line = self._read_line(timeout)
        try:
            answer = json.loads(line)
        except ValueError:
            raise WorkerFailed(f"expected an answer in JSON, but got {line[:100]!r}") from None
        if "failed" in answer:
            raise WorkerFailed(answer["failed"])
        return answer

    def stop(self) -> None:
        """Ends the process, politely first."""
        if self._process.poll() is None:
            try:
                self._process.stdin.close()
                self._process.wait(timeout=5)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except OSError:
                pass
