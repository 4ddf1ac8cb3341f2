#===- jax_encoder.py - Times an encoder in JAX -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Times the BERT-base encoder in f16 with JAX: a process of its own for benchmarks/gpu/encoders.py.

    benchmarks/gpu/jax_encoder.py 1x128 32x384

Prints one JSON object per shape and implementation of attention (XLA's own, cuDNN's). Passes are chained inside of one
compiled function, since a call of JAX costs more on the host than an encoder on the GPU: `us` is the time of one of them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

# PyTorch's memory is beside it.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

LAYERS, WIDTH, HEADS, INNER = 12, 768, 12, 3072
PASSES = 20


def parameters(key: Any) -> list[dict[str, Any]]:
    """Twelve layers, normal weights of deviation 0.02, no biases' values, norms that do nothing."""
    import jax
    import jax.numpy as jnp

    shapes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "up": (WIDTH, INNER), "down": (INNER, WIDTH)}
    layers = []
    for layer_key in jax.random.split(key, LAYERS):
        layer = {}
        for part, (name, shape) in zip(jax.random.split(layer_key, len(shapes)), shapes.items()):
            layer[name] = jax.random.normal(part, shape, jnp.float16) * jnp.float16(0.02)
            layer[name + "_bias"] = jnp.zeros(shape[1], jnp.float16)
        for name in ("first", "second"):
            layer[name] = (jnp.ones(WIDTH, jnp.float16), jnp.zeros(WIDTH, jnp.float16))
        layers.append(layer)
    return layers


def encoder(hidden: Any, layers: list[dict[str, Any]], implementation: str) -> Any:
    """Post-norm encoder: [batch, sequence, WIDTH] to the same; norms in f32 as PyTorch does them."""
    import jax
    import jax.numpy as jnp

    def norm(x: Any, scale_and_shift: tuple[Any, Any]) -> Any:
        wide = x.astype(jnp.float32)
        centred = wide - wide.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        scale, shift = scale_and_shift
        return (centred * jax.lax.rsqrt(variance + 1e-12)).astype(jnp.float16) * scale + shift

    batch, sequence, _ = hidden.shape
    for layer in layers:
        qkv = (hidden @ layer["qkv"] + layer["qkv_bias"]).reshape(batch, sequence, 3, HEADS, WIDTH // HEADS)
        heads = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], implementation=implementation)
        hidden = norm(hidden + heads.reshape(hidden.shape) @ layer["out"] + layer["out_bias"], layer["first"])
        inner = jax.nn.gelu(hidden @ layer["up"] + layer["up_bias"], approximate=False)
        hidden = norm(hidden + inner @ layer["down"] + layer["down_bias"], layer["second"])
    return hidden


def main() -> int:
    import jax
    import jax.numpy as jnp

    layers = parameters(jax.random.PRNGKey(0))
    for text in sys.argv[1:]:
        batch, sequence = (int(n) for n in text.split("x"))
        hidden = jax.random.normal(jax.random.PRNGKey(1), (batch, sequence, WIDTH), jnp.float16)
        for implementation in ("xla", "cudnn"):
            record: dict[str, Any] = {"name": f"jax {implementation}", "batch": batch, "sequence": sequence}
            try:
                chained = jax.jit(lambda x, p: jax.lax.fori_loop(0, PASSES, lambda _, y: encoder(y, p, implementation), x))  # noqa: B023
                chained(hidden, layers).block_until_ready()
                times = []
                for _ in range(10):
                    start = time.perf_counter()
                    chained(hidden, layers).block_until_ready()
                    times.append((time.perf_counter() - start) / PASSES * 1e6)
                record["us"] = sorted(times)[len(times) // 2]
            except Exception as failure:  # one implementation failing leaves the other
                record["failed"] = f"{type(failure).__name__}: {failure}"[:300]
            print(json.dumps(record), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
