"""From scores to tags and marginals: of the allowed paths, and no other."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.config import configure
from tagsmith.engine.decoding import ChainKernels, Decoder
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.ops.chain import compiled, reference
from tagsmith.ops.chain.types import Chain
from tagsmith.schemes import SCHEMES, is_legal
from tagsmith.tensors import Ids
from tests.support.enumeration import TinyChain, tiny_chain
from tests.support.handmade import random_model

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**32 - 1)
both_kernels = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])


def decoder(kernels: ChainKernels, scheme: str, tags: list[str], constraints: str = "scheme") -> Decoder:
    return Decoder(configure(settings={"scheme": scheme, "decode.constraints": constraints}), tags, kernels)


def in_float32(chain: TinyChain) -> tuple[Chain, TinyChain]:
    """A chain as an engine hands it over, and the same as the oracle takes it."""
    rounded = [scores.astype(np.float32) for scores in chain.scores]
    return Chain(*rounded), TinyChain(chain.lengths, *(scores.astype(np.float64) for scores in rounded))


def by_sentence(path: Ids, lengths: list[int]) -> list[tuple[int, ...]]:
    return [tuple(ids.tolist()) for ids in np.split(path, np.cumsum(lengths)[:-1])]


@both_kernels
@pytest.mark.parametrize("constraints", ["scheme", "none"])
@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
@pytest.mark.parametrize(
    ("scheme", "labels"), [("BIOES", [""]), ("IOB2", ["A", "B"]), ("IOE1", ["A", "B"]), ("plain", [])]
)
@given(LENGTHS, SEEDS)
@settings(max_examples=8, deadline=None)
def test_the_best_allowed_path_and_the_marginals_of_the_allowed_paths_are_found(
    kernels: ChainKernels,
    scheme: str,
    labels: list[str],
    per_word: bool,
    constraints: str,
    lengths: list[int],
    seed: int,
) -> None:
    tags = SCHEMES[scheme].tags(labels) if labels else ["NN", "VB", "I-x"]
    chain, oracle = in_float32(tiny_chain(seed, lengths, len(tags), per_word=per_word))
    found = decoder(kernels, scheme, tags, constraints)

    def allowed(path: tuple[int, ...]) -> bool:
        return constraints == "none" or scheme == "plain" or is_legal(SCHEMES[scheme], [tags[i] for i in path])

    assert by_sentence(found.viterbi(chain, np.array(lengths)), lengths) == oracle.best(allowed)
    np.testing.assert_allclose(
        found.marginals(chain, np.array(lengths)), oracle.expectations(allowed)[0], rtol=1e-9, atol=1e-9
    )


@both_kernels
@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), SEEDS)
@settings(max_examples=25, deadline=None)
def test_only_legal_tags_come_out_whatever_goes_in(
    kernels: ChainKernels, scheme: str, per_word: bool, lengths: list[int], seed: int
) -> None:
    tags = SCHEMES[scheme].tags(["LOC", "ORG", "PER"])
    chain, _ = in_float32(tiny_chain(seed, lengths, len(tags), 1000.0, per_word))
    for path in by_sentence(decoder(kernels, scheme, tags).viterbi(chain, np.array(lengths)), lengths):
        assert is_legal(SCHEMES[scheme], [tags[i] for i in path])


@both_kernels
def test_without_constraints_illegal_tags_do_come_out(kernels: ChainKernels) -> None:
    tags = SCHEMES["BIOES"].tags(["A"])
    zeros = np.zeros((5, 5), np.float32), np.zeros(5, np.float32), np.zeros(5, np.float32)
    chain = Chain(np.eye(5, dtype=np.float32)[[tags.index("I-A"), tags.index("O")]], *zeros)
    path = decoder(kernels, "BIOES", tags, "none").viterbi(chain, np.array([2]))
    assert [tags[i] for i in path] == ["I-A", "O"]


@both_kernels
def test_a_forbidden_tag_has_no_probability_and_the_others_add_up_to_1(kernels: ChainKernels) -> None:
    tags = SCHEMES["IOB2"].tags(["A"])
    chain, _ = in_float32(tiny_chain(1, [5, 1, 3], len(tags)))
    marginals = decoder(kernels, "IOB2", tags).marginals(chain, np.array([5, 1, 3]))
    assert (marginals[[0, 5, 6], tags.index("I-A")] == 0).all()
    np.testing.assert_allclose(marginals.sum(1), 1.0, rtol=1e-14)


@both_kernels
def test_equal_scores_give_the_same_tags_each_time(kernels: ChainKernels) -> None:
    tags = SCHEMES["BIOES"].tags(["A"])
    chain, _ = in_float32(tiny_chain(0, [3, 1], 5, scale=0.0))
    path = decoder(kernels, "BIOES", tags).viterbi(chain, np.array([3, 1]))
    assert [tags[i] for i in path] == ["O"] * 4


def test_the_plain_engine_decodes_with_the_reference_and_the_other_with_compiled_kernels() -> None:
    model = random_model(1)
    assert NumpyEngine(model).decoder.kernels is reference
    assert TorchEngine(model, "cpu").decoder.kernels is compiled


def test_the_plain_engine_never_imports_numba() -> None:
    script = (
        "import sys; from tests.support.chains import best_path, marginals_of; "
        "from tests.support.handmade import random_model; "
        "from tagsmith.engine.plain import NumpyEngine; "
        "model = random_model(1); engine = NumpyEngine(model); batch = model.alphabets.batch([['a', 'b'], ['c']]); "
        "print(len(best_path(engine, batch)), len(marginals_of(engine, batch)), 'numba' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.split() == ["3", "3", "False"]
