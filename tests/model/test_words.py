"""Word and spelling vectors, compared with loops over single words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagsmith.model.words import CharCNN, CharLSTM, WordEmbedding
from tagsmith.ops.char_cnn import reference as char_cnn_reference

WORDS = [[1, 2, 3], [4], [5, 5, 5, 5], [0, 1], list(range(6)) * 3]
ACTIVATIONS = {"none": lambda x: x, "tanh": torch.tanh, "relu": torch.relu}


def parameters(seed: int, *shapes: tuple[int, ...]) -> list[nn.Parameter]:
    rng = np.random.default_rng(seed)
    return [nn.Parameter(torch.from_numpy(rng.normal(size=shape))) for shape in shapes]


# Word vectors


def word_vectors(table: NDArray[Any], trained: int) -> WordEmbedding:
    return WordEmbedding(nn.Parameter(torch.from_numpy(table[:trained])), torch.from_numpy(table[trained:]))


def test_trained_and_frozen_words_have_their_own_rows() -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    vectors = word_vectors(table, trained=4).eval()
    words = torch.tensor([5, 0, 3, 4, 5])
    assert vectors(words).tolist() == table[words.numpy()].tolist()


def test_a_table_without_frozen_words_is_looked_up_as_well() -> None:
    vectors = word_vectors(np.arange(8, dtype=np.float32).reshape(4, 2), trained=4)
    assert vectors.eval()(torch.tensor([3, 0])).tolist() == [[6.0, 7.0], [0.0, 1.0]]
    assert vectors.train()(torch.tensor([3, 0])).tolist() == [[6.0, 7.0], [0.0, 1.0]]


# Spelling vectors


def char_cnn(window: int, activation: str = "none") -> CharCNN:
    return CharCNN(*parameters(window, (6, 3), (4, window * 3), (4,)), activation=activation, dropout=0.0)


def char_lstm() -> CharLSTM:
    return CharLSTM(*parameters(7, (6, 3), (2, 3, 8), (2, 2, 8), (2, 8)), dropout=0.0)


def spell(words: list[list[int]], brick: nn.Module) -> Tensor:
    chars = torch.tensor([c for word in words for c in word])
    return brick(chars, torch.tensor([len(word) for word in words]))


def naive_char_cnn(words: list[list[int]], cnn: CharCNN, activation: str) -> Tensor:
    """Word by word, and place by place; the activation where the literature has it, before the maximum."""
    margin = cnn.weight.shape[1] // cnn.vectors.shape[1] // 2
    zeros, result = cnn.vectors.new_zeros(margin, cnn.vectors.shape[1]), []
    for word in words:
        padded = torch.cat([zeros, cnn.vectors[word], zeros])
        seen = [padded[i : i + 2 * margin + 1].flatten() @ cnn.weight.T + cnn.bias for i in range(len(word))]
        result.append(ACTIVATIONS[activation](torch.stack(seen)).amax(0))
    return torch.stack(result)


def naive_char_lstm(words: list[list[int]], lstm: CharLSTM) -> Tensor:
    """Word by word, and character by character, forwards and backwards."""
    size, result = lstm.state_weight.shape[1], []
    for word in words:
        finals = []
        for d, chars in enumerate((word, word[::-1])):
            h = c = torch.zeros(size, dtype=lstm.vectors.dtype)
            for char in chars:
                raw = lstm.vectors[char] @ lstm.input_weight[d] + h @ lstm.state_weight[d] + lstm.bias[d]
                i, f, o = raw[: 3 * size].sigmoid().split(size)
                c = f * c + i * raw[3 * size :].tanh()
                h = o * c.tanh()
            finals.append(h)
        result.append(torch.cat(finals))
    return torch.stack(result)


def compare(found: Tensor, expected: Tensor, brick: nn.Module) -> None:
    """Values, and gradients of all parameters."""
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    grad, learned = torch.randn(found.shape, dtype=found.dtype), list(brick.parameters())
    wanted = torch.autograd.grad(expected, learned, grad)
    for ours, theirs in zip(torch.autograd.grad(found, learned, grad), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("window", [1, 3, 5])
def test_char_cnn_and_its_gradients_are_those_of_a_loop_over_words(window: int, activation: str) -> None:
    cnn = char_cnn(window, activation)
    compare(spell(WORDS, cnn), naive_char_cnn(WORDS, cnn, activation), cnn)


def test_char_lstm_and_its_gradients_are_those_of_a_loop_over_words() -> None:
    lstm = char_lstm()
    compare(spell(WORDS, lstm), naive_char_lstm(WORDS, lstm), lstm)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_char_cnn_is_the_reference_kernels(activation: str) -> None:
    cnn = char_cnn(3, activation)
    chars, lengths = np.array([c for word in WORDS for c in word]), np.array([len(word) for word in WORDS])
    vectors, weight, bias = (parameter.detach().numpy() for parameter in (cnn.vectors, cnn.weight, cnn.bias))
    expected = char_cnn_reference.char_cnn(chars, lengths, vectors, weight, bias, activation)
    np.testing.assert_allclose(spell(WORDS, cnn).detach(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: char_cnn(3, "tanh"), char_lstm], ids=["cnn", "lstm"])
def test_a_word_is_spelled_the_same_whatever_its_neighbours(make: Any) -> None:
    brick = make()
    word, other, very_long = [1, 2], [3], [1, 2, 3, 4, 5] * 400
    alone = spell([word], brick)[0]
    for words in ([word, other], [other, word], [very_long, word, very_long], [word, very_long]):
        torch.testing.assert_close(spell(words, brick)[words.index(word)], alone, rtol=1e-12, atol=1e-12)


def test_a_char_lstm_reads_no_memory_before_it_is_written(dirty_memory: list[str]) -> None:
    lstm = char_lstm()
    compare(spell(WORDS, lstm), naive_char_lstm(WORDS, lstm), lstm)
    assert "empty_like" in dirty_memory
