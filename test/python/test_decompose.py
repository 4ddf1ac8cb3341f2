"""Random attentions, decomposed with f64 arithmetic and run by upstream passes alone, against NumPy in float64."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess

import numpy as np
import pytest

BUILD = pathlib.Path(os.environ.get("ET_BUILD_DIR", pathlib.Path(__file__).parents[2] / "build"))
LLVM = pathlib.Path(os.environ.get("ET_LLVM_DIR", "/usr/lib/llvm-22"))
TO_LLVM = (
    "--et-decompose=accumulate-f64 --canonicalize --one-shot-bufferize=bufferize-function-boundaries "
    "--convert-linalg-to-loops --convert-math-to-libm --expand-strided-metadata --lower-affine --convert-scf-to-cf "
    "--convert-to-llvm --reconcile-unrealized-casts"
).split()

pytestmark = pytest.mark.skipif(not (BUILD / "bin/et-opt").exists(), reason="et-opt is not built")


def constant(name: str, value: np.ndarray, element: str, shape: list[str]) -> str:
    """A constant of static shape, cast to the type with dimensions `shape`."""
    static = "x".join([*map(str, value.shape), element])
    text = str(value.tolist()).replace("True", "true").replace("False", "false").replace("-inf", "0xFFF0000000000000")
    if value.size == 0:
        text = ""
    body = f"arith.constant dense<{text}> : tensor<{static}>"
    return f"  %{name}_s = {body}\n  %{name} = tensor.cast %{name}_s : tensor<{static}> to tensor<{'x'.join([*shape, element])}>\n"


def reference(q, k, v, scale, mask, lengths, structure, left, score) -> np.ndarray:
    """All operands in domain order with batch dimensions of full size: q [b, h, m, k], k and v [b, h, n, .]."""
    s = scale * np.einsum("bhmk,bhnk->bhmn", q, k)
    m, n = s.shape[2:]
    i, j = np.arange(m)[:, None], np.arange(n)[None, :]
    if score:
        s = s + 0.25 * (i - j) + 0.5 * np.arange(s.shape[1])[:, None, None]
    keep = np.ones((m, n), bool)
    kind, *bounds = structure
    if kind == "causal":
        keep = j <= i + (n - m if bounds[0] else 0)
    if kind == "window":
        lo, hi, glob = bounds
        keep = ((lo == -1) | (j >= i - lo)) & ((hi == -1) | (j <= i + hi))
        keep |= (i < glob) | (j < glob)
    keep = np.broadcast_to(keep, s.shape).copy()
    if mask is not None:
        if mask.dtype == bool:
            keep &= mask
        else:
            s = s + mask
    if lengths is not None:
        valid = j >= n - lengths[:, None, None, None] if left else j < lengths[:, None, None, None]
        keep &= valid
    s = np.where(keep, s, -np.inf)
    top = s.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(s - np.where(np.isinf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return np.einsum("bhmn,bhnv->bhmv", e, v) / np.where(total == 0, 1, total)


@pytest.mark.parametrize("seed", range(24))
def test_attention(seed: int) -> None:
    rng, choose = np.random.default_rng(seed), random.Random(seed)
    b, h, m, n = choose.randint(1, 2), choose.randint(1, 3), choose.randint(1, 5), choose.randint(1, 6)
    dk, dv = choose.randint(1, 4), choose.randint(1, 4)
    size = {"b": b, "h": h, "m": m, "n": n, "k": dk, "v": dv}
    dynamic = choose.random() < 0.7
    lines, maps, operands = [], [], []

    def operand(name: str, dims: str, value: np.ndarray, element: str) -> None:
        """Adds an operand whose domain dimensions are `dims`, in a random order; `value` is in the order of `dims`."""
        order = list(range(len(dims)))
        choose.shuffle(order)
        dims = "".join(dims[i] for i in order)
        shape = ["?" if dynamic and d not in "kv" else str(size[d]) for d in dims]
        lines.append(constant(name, value.transpose(order), element, shape))
        maps.append(f"affine_map<(b, h, m, n, k, v) -> ({', '.join(dims)})>")
        operands.append(f"{name}(%{name} : tensor<{'x'.join([*shape, element])}>)")

    grouped = choose.random() < 0.3
    q = rng.standard_normal((b, h, m, dk))
    k = rng.standard_normal((b, 1 if grouped else h, n, dk))
    v = rng.standard_normal((b, 1 if grouped else h, n, dv))
    operand("query", "bhmk", q, "f64")
    operand("key", "bnk" if grouped else "bhnk", k[:, 0] if grouped else k, "f64")
    operand("value", "bnv" if grouped else "bhnv", v[:, 0] if grouped else v, "f64")
    mask = lengths = None
    if choose.random() < 0.6:
        dims = choose.choice(["bn", "mn", "bhmn", "n", "bm"])
        shape = [size[d] for d in dims]
        small = rng.random(shape) < 0.6
        if choose.random() < 0.5:
            small = np.where(small, rng.standard_normal(shape), -np.inf)
        operand("mask", dims, small, "i1" if small.dtype == bool else "f64")
        mask = small.reshape([size[d] if d in dims else 1 for d in "bhmn"])
    if choose.random() < 0.5:
        lengths = rng.integers(-1, n + 2, b)
        operand("lengths", "b", lengths, choose.choice(["i32", "i64"]))
    left = lengths is not None and choose.random() < 0.5
    structure = choose.choice(
        [("none",), ("causal", False), ("causal", True), ("window", 1, 1, 0), ("window", -1, 0, 1), ("window", 2, -1, 2)]
    )
    text = structure[0]
    if text == "causal" and structure[1]:
        text += ", lower_right"
    if text == "window":
        text += f", left = {structure[1]}, right = {structure[2]}, global = {structure[3]}"
    score = choose.random() < 0.4
    region = ""
    if score:
        region = """ score {
  ^bb0(%s: f64, %b: index, %h: index, %i: index, %j: index):
    %d = arith.subi %i, %j : index
    %di = arith.index_cast %d : index to i64
    %df = arith.sitofp %di : i64 to f64
    %hi = arith.index_cast %h : index to i64
    %hf = arith.sitofp %hi : i64 to f64
    %c = arith.constant 0.25 : f64
    %c2 = arith.constant 0.5 : f64
    %x = arith.mulf %df, %c : f64
    %y = arith.mulf %hf, %c2 : f64
    %t = arith.addf %s, %x : f64
    %u = arith.addf %t, %y : f64
    et.yield %u : f64
  }"""
    out_dims = list("bhmv")
    choose.shuffle(out_dims)
    out_shape = ["?" if dynamic and d != "v" else str(size[d]) for d in out_dims]
    out_type = f"tensor<{'x'.join([*out_shape, 'f64'])}>"
    maps.append(f"affine_map<(b, h, m, n, k, v) -> ({', '.join(out_dims)})>")
    attributes = f"indexing_maps = [{', '.join(maps)}], structure = #et.mask<{text}>"
    if left:
        attributes += ", padding = #et.padding<left>"
    scale = 1 / np.sqrt(dk)
    if choose.random() < 0.5:
        scale = 0.75
        attributes += ", scale = 0.75 : f32"
    module = (
        "func.func private @printMemrefF64(tensor<*xf64>) attributes {llvm.emit_c_interface}\nfunc.func @main() {\n"
        + "".join(lines)
        + f"  %o = et.attention {' '.join(operands)} {{{attributes}}}{region} -> {out_type}\n"
        + f"  %u = tensor.cast %o : {out_type} to tensor<*xf64>\n"
        + "  call @printMemrefF64(%u) : (tensor<*xf64>) -> ()\n  return\n}\n"
    )
    lowered = subprocess.run([BUILD / "bin/et-opt", *TO_LLVM], input=module, capture_output=True, text=True)
    assert lowered.returncode == 0, f"{lowered.stderr}\n{module}"
    libraries = [str(LLVM / f"lib/lib{name}.so") for name in ("mlir_runner_utils", "mlir_c_runner_utils")]
    runner = [LLVM / "bin/mlir-runner", "-e", "main", "--entry-point-result=void", f"--shared-libs={','.join(libraries)}"]
    printed = subprocess.run(runner, input=lowered.stdout, capture_output=True, text=True, check=True).stdout
    values = printed.split("data =", 1)[1].replace("[", " ").replace("]", " ").replace(",", " ").split()
    actual = np.array([float(x) for x in values]).reshape([size[d] for d in out_dims])
    broadcast = np.broadcast_to(k, (b, h, n, dk)), np.broadcast_to(v, (b, h, n, dv))
    expected = reference(q, *broadcast, scale, mask, lengths, structure, left, score)
    expected = expected.transpose(["bhmv".index(d) for d in out_dims])
    # Six digits are printed.
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6, err_msg=module)
