#===- test_onnx_optimum.py - Files as optimum and the converters behind it write them -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""What `optimum-cli export onnx` writes: the older exporter with constants folded, inputs and outputs by the names of the model, dimensions
called batch_size and sequence_length (and num_channels, height, width, of images), data beside the file even for attributes; equal
weights stored once; and what the conversion to float16 makes of it, with casts around the inputs and outputs or without.

The real tools (optimum-onnx 0.1, onnxruntime 1.32, onnxconverter-common 1.16) wrote files of these families, with O1 to O4, which were imported
when these tests were written; the tests write files of that shape with PyTorch and onnx alone."""

from __future__ import annotations

import pathlib
from typing import Any, Mapping

import numpy as np
import onnx
import pytest
import torch
import transformers as T
from onnx import TensorProto, helper, numpy_helper

import et
from importing import leaves, operations, verify
from et.importer.reference import run
from model_zoo import IMAGE, TEXT
from onnx_models import export, randomised

ROWS = {0: "batch_size", 1: "sequence_length"}
PIXELS = {0: "batch_size", 1: "num_channels", 2: "height", 3: "width"}


class Wrapped(torch.nn.Module):
    """The model as optimum patches it: inputs in the order of its names, and those outputs that it names."""

    def __init__(self, model: torch.nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.inputs, self.outputs = inputs, outputs

    def forward(self, first: torch.Tensor, second: torch.Tensor | None = None, third: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        result = self.model(**dict(zip(self.inputs, (first, second, third))))
        return tuple(result[name] for name in self.outputs)


class Sentence(torch.nn.Module):
    """A transformer, mean pooling and normalisation: what sentence-transformers makes one model of."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        tokens = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).expand(tokens.size()).float()
        pooled = torch.sum(tokens * mask, 1) / torch.clamp(mask.sum(1), min=1e-9)
        return {"token_embeddings": tokens, "sentence_embedding": torch.nn.functional.normalize(pooled, p=2, dim=1)}


def made(config: Any, model: Any, sizes: Mapping[str, Any], attention: str, **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    built = config(**sizes, **options)
    built._attn_implementation = attention
    return model(built)


def distilbert() -> torch.nn.Module:
    sizes = dict(vocab_size=100, max_position_embeddings=48, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
    return made(T.DistilBertConfig, T.DistilBertForSequenceClassification, sizes, "eager")


#: How to make the model, its inputs, its outputs with their dimensions, and the opset that optimum chose for it.
FAMILIES: dict[str, tuple[Any, tuple[str, ...], dict[str, dict[int, str]], int]] = {
    "bert": (lambda: made(T.BertConfig, T.BertModel, TEXT, "sdpa"), ("input_ids", "attention_mask", "token_type_ids"), {"last_hidden_state": ROWS}, 18),
    "bert-masked-lm": (lambda: made(T.BertConfig, T.BertForMaskedLM, TEXT, "eager"), ("input_ids", "attention_mask", "token_type_ids"), {"logits": ROWS}, 14),
    "roberta": (lambda: made(T.RobertaConfig, T.RobertaModel, TEXT, "eager"), ("input_ids", "attention_mask"), {"last_hidden_state": ROWS}, 14),
    "distilbert": (distilbert, ("input_ids", "attention_mask"), {"logits": {0: "batch_size"}}, 13),
    "minilm": (lambda: Sentence(made(T.BertConfig, T.BertModel, TEXT, "eager")), ("input_ids", "attention_mask"),
               {"token_embeddings": ROWS, "sentence_embedding": {0: "batch_size"}}, 14),
    "vit": (lambda: made(T.ViTConfig, T.ViTForImageClassification, IMAGE, "sdpa"), ("pixel_values",), {"logits": {0: "batch_size"}}, 18),
    "clip-text": (lambda: made(T.CLIPTextConfig, T.CLIPTextModelWithProjection, TEXT, "sdpa", projection_dim=16), ("input_ids", "attention_mask"),
                  {"text_embeds": {0: "batch_size"}, "last_hidden_state": ROWS}, 18),
}


def inputs(names: tuple[str, ...], batch: int, length: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * 100 + length)
    if names == ("pixel_values",):
        return {"pixel_values": torch.randn(batch, 3, 16, 16, generator=generator)}
    mask = torch.ones(batch, length, dtype=torch.int64)
    if batch > 1:
        mask[0, length // 2:] = 0
    ids = torch.randint(3, 100, (batch, length), generator=generator)
    kinds = torch.randint(0, 2, (batch, length), generator=generator)
    return {n: {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}[n] for n in names}


def written(name: str, folder: pathlib.Path) -> tuple[torch.nn.Module, pathlib.Path]:
    build, names, outputs, opset = FAMILIES[name]
    module = Wrapped(randomised(build()), names, tuple(outputs)).eval()
    shapes = {n: PIXELS if n == "pixel_values" else ROWS for n in names}
    path = export(module, inputs(names, 2, 16), shapes, folder / "model.onnx", opset, False)
    proto = onnx.load(path)
    for info, (output, dims) in zip(proto.graph.output, outputs.items()):
        for node in proto.graph.node:  # the exporter of these tests leaves outputs without names
            for field in (node.input, node.output):
                for i, value in enumerate(field):
                    if value == info.name:
                        field[i] = output
        info.name = output
        for d, dim in dims.items():
            info.type.tensor_type.shape.dim[d].dim_param = dim
    onnx.save(proto, path)
    return module, path


def fixed(name: str) -> Any:
    """optimum calls all dimensions of an image dynamic, which a ViT is not."""
    return {"pixel_values": {1: 3, 2: 16, 3: 16}} if name == "vit" else None


def compare(name: str, module: torch.nn.Module, imported: et.ImportedModule, tolerance: float) -> None:
    for batch, length in ((3, 9), (1, 1), (2, 13)):
        values = inputs(FAMILIES[name][1], batch, length)
        with torch.no_grad():
            expected = leaves(module(*values.values()))
        fed = [values[s.name].half() if s.dtype == "f16" else values[s.name] for s in imported.inputs]
        got = run(imported, fed, wide=False)
        assert len(got) == len(expected)
        for g, e in zip(got, expected):
            error = ((g.double() - e.double()).abs().max() / e.double().abs().max()).item()
            assert error <= tolerance, f"relative error {error}"


def whole(imported: et.ImportedModule) -> None:
    """Nothing of the encoder is left in parts."""
    found = operations(imported.text)
    assert found["et.attention"] == 2 and found["et.gelu"] >= 2 and found["et.layer_norm"] >= 5
    assert found["linalg.softmax"] == 0 and found["et.rms_norm"] == 0 and not imported.report.missed


@pytest.mark.parametrize("name", FAMILIES)
def test_export(name: str, tmp_path: pathlib.Path, tool: Any) -> None:
    module, path = written(name, tmp_path)
    imported = et.export_mlir(path, dynamic_shapes=fixed(name))
    whole(imported)
    assert tuple(s.name for s in imported.inputs) == FAMILIES[name][1]
    assert [s.name for s in imported.outputs] == list(FAMILIES[name][2])
    if name != "vit":
        assert imported.inputs[0].shape == ("batch_size", "sequence_length")
    compare(name, module, imported, 5e-6)
    verify(imported.text, tool)


def test_program_of_a_sentence_transformer(tmp_path: pathlib.Path) -> None:
    module, path = written("minilm", tmp_path)
    program = et.compile(str(path), threads=1)
    values = inputs(FAMILIES["minilm"][1], 3, 11)
    with torch.no_grad():
        expected = module(*values.values())
    result = program(**values)
    torch.testing.assert_close(result["token_embeddings"], expected[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(result["sentence_embedding"], expected[1], rtol=1e-5, atol=1e-5)


def test_data_beside_the_file(tmp_path: pathlib.Path) -> None:
    """With `model.onnx_data`, in which optimum puts tensors of attributes too."""
    module, path = written("roberta", tmp_path)
    proto = onnx.load(path)
    other = tmp_path / "other"
    other.mkdir()
    onnx.save(proto, other / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=True, location="model.onnx_data",
              convert_attribute=True, size_threshold=0)
    assert (other / "model.onnx_data").stat().st_size > (other / "model.onnx").stat().st_size / 2
    imported = et.export_mlir(other / "model.onnx")
    whole(imported)
    compare("roberta", module, imported, 5e-6)


def test_data_beside_the_file_that_is_missing(tmp_path: pathlib.Path) -> None:
    _, path = written("distilbert", tmp_path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    (tmp_path / "model.onnx_data").unlink()
    with pytest.raises(et.Error, match="model.onnx_data"):
        et.export_mlir(path)


def test_equal_weights_that_are_stored_once(tmp_path: pathlib.Path) -> None:
    """The exporter keeps one of several equal weights, and reads it through Identity where the others were."""
    build, names, outputs, _ = FAMILIES["roberta"]
    model = randomised(build())
    first, second = model.encoder.layer
    with torch.no_grad():
        second.output.LayerNorm.weight.copy_(first.output.LayerNorm.weight)
        second.intermediate.dense.bias.copy_(first.intermediate.dense.bias)
    module = Wrapped(model, names, tuple(outputs)).eval()
    path = export(module, inputs(names, 2, 16), {n: ROWS for n in names}, tmp_path / "model.onnx", 14, False)
    proto = onnx.load(path)
    stored = {t.name for t in proto.graph.initializer}
    assert any(n.op_type == "Identity" and n.input[0] in stored for n in proto.graph.node), "no weights are shared"
    imported = et.export_mlir(path)
    whole(imported)
    compare("roberta", module, imported, 5e-6)


# -- float16 ----------------------------------------------------------------------------------------------------------


def to_half(proto: onnx.ModelProto, keep_io: bool) -> None:
    """What onnxconverter-common's `convert_float_to_float16` does to an encoder: weights and constants are rounded, with numbers beyond the
    range of float16 cut to it; casts to float32 become casts to float16; inputs and outputs are, or are cast."""

    def rounded(tensor: onnx.TensorProto) -> None:
        if tensor.data_type != TensorProto.FLOAT:
            return
        values = numpy_helper.to_array(tensor)
        values = np.where(np.isfinite(values), np.clip(values, -10000.0, 10000.0), values)
        small = (np.abs(values) < 1e-7) & (values != 0)
        tensor.CopyFrom(numpy_helper.from_array(np.where(small, np.copysign(1e-7, values), values).astype(np.float16), tensor.name))

    graph = proto.graph
    for tensor in graph.initializer:
        rounded(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                rounded(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    del graph.value_info[:]
    first, last = [], []
    for infos, is_input in ((graph.input, True), (graph.output, False)):
        for info in infos:
            if info.type.tensor_type.elem_type != TensorProto.FLOAT:
                continue
            if not keep_io:
                info.type.tensor_type.elem_type = TensorProto.FLOAT16
                continue
            inner = f"graph_cast_{info.name}"
            for node in graph.node:
                for field in (node.input, node.output):
                    for i, value in enumerate(field):
                        if value == info.name:
                            field[i] = inner
            pair, to = ([info.name], [inner]), TensorProto.FLOAT16
            if not is_input:
                pair, to = ([inner], [info.name]), TensorProto.FLOAT
            (first if is_input else last).append(helper.make_node("Cast", *pair, name=f"cast {info.name}", to=to))
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)


@pytest.mark.parametrize("keep_io", [True, False])
@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "minilm", "vit", "clip-text"])
def test_float16(name: str, keep_io: bool, tmp_path: pathlib.Path, tool: Any) -> None:
    module, path = written(name, tmp_path)
    proto = onnx.load(path)
    to_half(proto, keep_io)
    onnx.save(proto, path)
    imported = et.export_mlir(path, dynamic_shapes=fixed(name))
    whole(imported)
    assert all((s.dtype == "f16") != keep_io for s in imported.outputs)
    # A dozen operators round to 11 bits, one behind the other; the norms between them keep errors from growing.
    compare(name, module, imported, 12 * 2.0**-11)
    verify(imported.text, tool)


def test_float16_with_an_output_that_is_read_inside(tmp_path: pathlib.Path) -> None:
    """The converter leaves such models with operands of two types, which ONNX does not allow; it is said where."""
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"], name="projection")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 8])], [helper.make_empty_tensor_value_info("y")],
                              [numpy_helper.from_array(np.ones((8, 4), np.float16), "w")])
    path = tmp_path / "mixed.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString())
    with pytest.raises(et.UnsupportedOperatorError, match="expected both operands to be of one type, but got float32 and float16") as error:
        et.export_mlir(path)
    assert "'projection'" in str(error.value)
