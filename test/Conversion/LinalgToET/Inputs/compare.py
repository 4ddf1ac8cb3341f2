"""Runs each function of a module as it is and raised, on the same random inputs, and compares the results.

The raised module is decomposed again, so that both go through upstream's lowering alone. Dynamic dimensions get size 5.
Prints the largest error of each function, relative to the largest magnitude of the result, and fails above the
tolerance: 1e-5 for f32 (a reassociated sum of at most 128 terms, 128 * 2^-24), 4e-3 for f16 (four roundings).
"""

import argparse
import re
import shlex
import subprocess
import sys

import numpy as np

DYNAMIC = 5
DTYPES = {"f32": np.float32, "f16": np.float16, "f64": np.float64}
# What upstream's lowering to loops leaves alone.
PREPARE = "--convert-elementwise-to-linalg --math-expand-ops=ops=rsqrt --convert-math-to-funcs=min-width-of-fpowi-exponent=1"
TOLERANCE = {"f32": 1e-5, "f16": 4e-3, "f64": 1e-12}


def run(command, text):
    result = subprocess.run(shlex.split(command), input=text, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{command}\n{result.stderr[:4000]}")
    return result.stdout


def parse_type(text):
    *dims, element = text.strip()[len("tensor<") : -1].split("x")
    return [DYNAMIC if d == "?" else int(d) for d in dims], element


def literal(rng, shape, element, peak):
    """A dense constant of random values; masks keep the first key, lest a row be empty."""
    name = "x".join([*map(str, shape), element])
    if element == "i1":
        values = rng.random(shape) < 0.6
        values[..., 0] = True
        text = np.array2string(values, separator=",", threshold=sys.maxsize, max_line_width=sys.maxsize)
        text = text.replace("True", "true").replace("False", "false").replace("\n", "").replace(" ", "")
        return f"dense<{text}> : tensor<{name}>"
    if element.startswith("i"):
        values = rng.integers(1, 4, shape).astype({"i32": np.int32, "i64": np.int64}[element])
    else:
        values = (peak * rng.standard_normal(shape)).astype(DTYPES[element])
    return f'dense<"0x{values.tobytes().hex().upper()}"> : tensor<{name}>'


def add_main(module, name, arguments, results, rng):
    """Appends a @main that calls @name and prints its results."""
    lines, operands = [], []
    for i, text in enumerate(arguments):
        shape, element = parse_type(text)
        static = "tensor<" + "x".join([*map(str, shape), element]) + ">"
        lines.append(f"%a{i} = arith.constant {literal(rng, shape, element, 1.0)}")
        operands.append(f"%a{i}")
        if static != text:
            lines.append(f"%d{i} = tensor.cast %a{i} : {static} to {text}")
            operands[-1] = f"%d{i}"
    names = ", ".join(f"%r{i}" for i in range(len(results)))
    lines.append(f"{names} = func.call @{name}({', '.join(operands)}) : ({', '.join(arguments)}) -> ({', '.join(results)})")
    for i, text in enumerate(results):
        value, wide = f"%r{i}", re.sub(r"x(f16|f64)>", "xf32>", text)
        if wide != text:
            op = "arith.extf" if "f16" in text else "arith.truncf"
            lines.append(f"%w{i} = {op} {value} : {text} to {wide}")
            value = f"%w{i}"
        lines.append(f"%u{i} = tensor.cast {value} : {wide} to tensor<*xf32>")
        lines.append(f"func.call @printMemrefF32(%u{i}) : (tensor<*xf32>) -> ()")
    end = module.rstrip().rfind("}")
    main = "\n".join(
        ["func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}", "func.func @main() {", *lines, "return", "}"]
    )
    return module[:end] + main + "\n}\n"


def numbers(text):
    data = "".join(part.split("Unranked")[0] for part in text.split("data =")[1:])
    return np.array([float(x) for x in re.findall(r"-?(?:nan|inf|\d[\d.]*(?:e[-+]?\d+)?)", data)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--opt", required=True)
    parser.add_argument("--runner", required=True)
    parser.add_argument("--lower", required=True)
    parser.add_argument("--raise-with", default="--et-raise-all")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    module = run(f"{options.opt} --inline --mlir-print-op-generic=false", open(options.module).read())
    functions = re.findall(r"func\.func @(\w+)\((.*?)\) -> (.*?) (?:attributes \{.*?\} )?\{\n", module)
    failed = not functions
    for name, arguments, results in functions:
        rng = np.random.default_rng(options.seed)
        arguments = re.findall(r"tensor<[^<>]*>", arguments)
        results = re.findall(r"tensor<[^<>]*>", results)
        program = add_main(module, name, arguments, results, rng)
        raised = run(f"{options.opt} {options.raise_with}", program)
        body = raised[raised.index(f"@{name}(") :].split("\n  }\n")[0]
        if not re.search(r"\bet\.(attention|linear|layer_norm|rms_norm|gelu)\b", body):
            print(f"{name}: nothing was raised")
            failed = True
        reference = numbers(run(options.runner, run(f"{options.opt} {PREPARE} {options.lower}", program)))
        result = numbers(run(options.runner, run(f"{options.opt} --et-decompose {PREPARE} {options.lower}", raised)))
        error = np.max(np.abs(reference - result)) / np.max(np.abs(reference)) if reference.size == result.size else np.inf
        good = reference.size > 0 and np.ptp(reference) > 0 and error <= TOLERANCE[parse_type(results[0])[1]]
        failed |= not good
        print(f"{name}: {reference.size} values, error {error:.2e} ({'ok' if good else 'too large'}), seed {options.seed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
