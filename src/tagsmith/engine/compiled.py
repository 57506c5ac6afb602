"""The engine for CPUs: compiled kernels, and a cache of what depends on a word alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagsmith.config import CharCNNConfig, CharLSTMConfig
from tagsmith.engine.decoding import Decoder
from tagsmith.engine.forking import fork_lock
from tagsmith.engine.head_chain import chain_of
from tagsmith.engine.word_cache import ProductCache, WordInputCache
from tagsmith.ops.chain import compiled as chain
from tagsmith.ops.chain.types import Chain
from tagsmith.ops.char_cnn.compiled import convolve_max, unfold
from tagsmith.ops.char_cnn.reference import ACTIVATIONS
from tagsmith.ops.recurrence import int8
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.ops.simd.tiles import pack, pack_transposed, product, whole_vectors
from tagsmith.store import Model, layer_names
from tagsmith.tensors import Floats, Ids, release

_INPUTS = 16 * 2**20  # bytes for the inputs of words: 52,000 words of 80 numbers
_READ_BEFORE_RELEASE = 1_024  # word vectors
Weights = Mapping[str, NDArray[Any]]


class WordRows(NamedTuple):
    """Sentences as rows of a table of word inputs."""

    inputs: Floats
    """Shape: [·, D]."""
    row_of: Ids
    """The row of each word. Shape: [N]."""
    lengths: Ids
    """Words in each sentence. Shape: [B]."""


class NumbaEngine:
    """Runs a model with compiled kernels, which release Python's lock. Threads can share an engine.

    A sentence's result is the same to the bit alone and in any batch: a row's rounding never depends on other rows.
    In ``int8`` only the encoder's state products are rounded to bytes.
    """

    parallel = True

    def __init__(self, model: Model, precision: str = "fp32") -> None:
        self.config, self.weights, self.precision = model.config, model.weights, precision
        kind = self.config.encoder.kind
        self._layers = [_Layer(self.weights, name, kind, precision) for name in layer_names(self.config.encoder)]
        self._head = _Linear(self.weights["head.weight"].T, self.weights["head.bias"])
        vectors, spelling = self.weights["words.vectors"], _Spelling(self.config.chars, self.weights)
        # Not a method of the engine: that would be a reference cycle, which keeps a used engine in memory.
        inputs = _Inputs(vectors, spelling)
        width = vectors.shape[1] + self.config.chars.width
        # Memory that is never written to takes no space.
        self._words = WordInputCache(
            model.alphabets, inputs, lambda rows: np.empty((rows, width), np.float32), _INPUTS // (4 * width)
        )
        self._products: list[ProductCache] = []  # one for each thread that decodes, free for the next
        self.decoder = Decoder(model.config, model.tags, chain)

    def read(self, sentences: Sequence[Sequence[str]]) -> WordRows:
        """Return non-empty sentences of N words in all as rows of a table, which grows with the words seen."""
        with fork_lock:  # a process must not fork while a lock is held
            return WordRows(*self._words.rows(sentences), np.array([len(sentence) for sentence in sentences], np.int64))

    def chain(self, batch: WordRows) -> Chain:
        """Return the chain of scores over every sentence, in float32."""
        with fork_lock:
            states = self._first_states(batch)
            for layer in self._layers[1:]:
                products = layer.products(states)
                states = layer.states(products, np.arange(len(states)), batch.lengths)
            return chain_of(self._head(states), batch.lengths, self.config.head, self.weights)

    def _first_states(self, batch: WordRows) -> Floats:
        """Return the states of the first layer. Shape: [N, 2H]."""
        first = self._layers[0]
        try:
            products = self._products.pop()
        except IndexError:
            products = ProductCache(first.width, first.products)
        row_of = products.rows(batch.inputs, batch.row_of)
        states = first.states(products.table, row_of, batch.lengths)
        self._products.append(products)
        return states


class _Inputs:
    """The input of the first layer: word vectors and spelling vectors side by side."""

    def __init__(self, vectors: Floats, spelling: _Spelling) -> None:
        self._vectors, self._spelling = vectors, spelling
        self._read = 0

    def __call__(self, words: Ids, chars: Ids, lengths: Ids) -> Floats:
        """Shape: words [U], chars [C], lengths [U] -> [U, D]."""
        inputs = np.concatenate([self._vectors[words], self._spelling(chars, lengths)], 1)
        self._read += len(words)
        if self._read >= _READ_BEFORE_RELEASE:  # reading a row maps all pages around it
            release(self._vectors)
            self._read = 0
        return inputs


class _Linear:
    """x · weight + bias, computed for each row alone. Shape: weight [D, C], bias [C]."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self._weight, self._columns = pack(np.array(weight, order="C")), len(bias)
        self._bias = np.zeros(whole_vectors(self._columns), np.float32)
        self._bias[: self._columns] = bias

    def __call__(self, inputs: Floats) -> Floats:
        """Shape: [N, D] -> [N, C]."""
        inputs = np.ascontiguousarray(inputs, np.float32)
        return np.ascontiguousarray(product(inputs, self._weight, self._bias)[:, : self._columns])


class _Layer:
    """A bidirectional recurrence."""

    def __init__(self, weights: Weights, name: str, kind: str, precision: str) -> None:
        input_weight, bias = weights[f"{name}.input_weight"], weights[f"{name}.bias"]
        self._kernel, prepare = _kernel(kind, precision)
        self._input = _Linear(np.concatenate(list(input_weight), 1), bias.reshape(-1))
        self._state_weights = [prepare(weight) for weight in np.array(weights[f"{name}.state_weight"])]
        self._size, self.width = weights[f"{name}.state_weight"].shape[1], bias.size

    def products(self, inputs: Floats) -> Floats:
        """Return the input products of both directions, with G gates. Shape: [N, D] -> [N, 2 * GH]."""
        return self._input(inputs)

    def states(self, products: Floats, row_of: Ids, lengths: Ids) -> Floats:
        """Return the states after each word, whose products are ``products[row_of]``. Shape: [N, 2H]."""
        longest_first = np.argsort(-lengths, kind="stable")
        starts = (np.cumsum(lengths) - lengths)[longest_first]
        out = np.empty((len(row_of), 2 * self._size), np.float32)
        both = products.reshape(len(products), 2, -1)
        for direction, weight in enumerate(self._state_weights):
            self._kernel(both, row_of, starts, lengths[longest_first], weight, direction, out)
        return out


def _kernel(kind: str, precision: str) -> tuple[Any, Any]:
    """Return the kernel for a kind of recurrence, and the function that prepares a state weight for it."""
    found = KINDS[kind]
    if precision == "int8":
        assert found.int8, f"no int8 kernel for {kind}"  # see engine.int8_obstacle
        return found.int8(), int8.quantize
    return found.compiled(), pack


class _Spelling:
    """Spelling vectors of words, each computed from its own characters."""

    def __init__(self, chars: object, weights: Weights) -> None:
        self._chars = chars
        if isinstance(chars, CharCNNConfig):
            self._vectors, self._bias = weights["chars.vectors"], np.array(weights["chars.bias"])
            self._weight = pack_transposed(np.array(weights["chars.weight"]))
        elif isinstance(chars, CharLSTMConfig):
            layer = _Layer(weights, "chars", "lstm", "fp32")
            self._layer, self._products = layer, layer.products(weights["chars.vectors"])

    def __call__(self, chars: Ids, lengths: Ids) -> Floats:
        """Shape: chars [C], lengths [U] -> [U, F]."""
        if isinstance(self._chars, CharCNNConfig):
            windows = unfold(self._vectors[chars], lengths, self._chars.window)
            highest, _ = convolve_max(windows, lengths, self._weight, self._bias)
            return ACTIVATIONS[self._chars.activation](highest)
        if isinstance(self._chars, CharLSTMConfig):
            states, size = self._layer.states(self._products, chars, lengths), self._chars.size
            last = np.cumsum(lengths) - 1
            return np.concatenate([states[last, :size], states[last - lengths + 1, size:]], 1)
        return np.empty((len(lengths), 0), np.float32)
