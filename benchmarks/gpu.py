"""Measure tagsmith on one NVIDIA GPU: checks first, then every figure next to the card's limits.

    python benchmarks/gpu.py --train conll2003/train.txt --dev conll2003/dev.txt --test conll2003/test.txt \\
        --vectors glove.6B.50d.txt.gz --out gpu.json
    TRITON_INTERPRET=1 python benchmarks/gpu.py --device cpu --tiny        # a dry run without a GPU: no figures

A failed check ends the script before anything is timed. ``pip install pytorch-crf`` adds ratios to pytorch-crf. The dry
run executes all of it on the corpus in the package, at sizes small enough for an interpreter, and prints no figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from tagsmith import Sentence, Tagger, formats
from tagsmith.bench.measurements import Measurement, MissingRival
from tagsmith.bench.report import figure_table
from tagsmith.config import Config, configure
from tagsmith.embeddings import WordVectors, load_vectors
from tagsmith.engine.on_triton import TritonEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.files import replacing
from tagsmith.machine import commit, versions
from tagsmith.ops.chain import on_torch as plain
from tagsmith.ops.chain import on_triton as kernels
from tagsmith.store import Model
from tagsmith.tagging import tag_sentences
from tagsmith.training.multi_seed import train_together

DEMO = Path(str(files("tagsmith") / "demo"))
TINY = {"words.dim": 8, "chars.dim": 4, "chars.filters": 4, "encoder.size": 8}


def main() -> None:
    """Check, measure, print, write."""
    given = arguments()
    parts = {part: list(formats.read(getattr(given, part))) for part in ("train", "dev", "test")}
    if given.tiny:
        parts = {part: sentences[:8] for part, sentences in parts.items()}
    config = configure(settings={"training.epochs": given.epochs, **(TINY if given.tiny else {})})
    vectors = load_vectors(given.vectors) if given.vectors else None
    device = given.device

    model = train(parts, config, vectors, [1], device, epochs=1)[0][0].model  # compiles what the others use
    check(model, parts["test"], device, given.tiny)
    copying, products = limits(device, given.tiny)
    figures = [copying, products, *crf(device, given.tiny, copying)]
    figures += training(parts, config, vectors, given.seeds, device)
    figures += tagging(model, parts["test"], int(given.tokens), device, products)
    if given.tiny:
        figures = [figure.without_value(MissingRival("a dry run")) for figure in figures]
    print(figure_table(figures), end="")
    if given.out:
        name = torch.cuda.get_device_name() if device.startswith("cuda") else "the interpreter: these are no figures"
        about = {"device": name, "versions": versions(), "commit": commit(), "date": datetime.now(UTC).isoformat()}
        with replacing(given.out) as part:
            part.write_text(json.dumps({**about, "figures": [f.as_dict() for f in figures]}, indent=1) + "\n", "utf-8")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("train", "dev", "test"):
        parser.add_argument(f"--{part}", default=str(DEMO / f"{part}.conll"))
    parser.add_argument("--vectors")
    parser.add_argument("--epochs", type=int, help="50, or 1 with --tiny")
    parser.add_argument("--seeds", type=int, help="trained at once: 5, or 2 with --tiny")
    parser.add_argument("--tokens", type=float, help="tagged: 20 million, or 100 with --tiny")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    for name, whole, tiny in (("epochs", 50, 1), ("seeds", 5, 2), ("tokens", 2e7, 100)):
        if getattr(given, name) is None:
            setattr(given, name, tiny if given.tiny else whole)
    if not given.device.startswith("cuda") and not given.tiny:
        parser.error("without a GPU there is only the dry run: --tiny")
    return given


def check(model: Model, sentences: Sequence[Sentence], device: str, tiny: bool) -> None:
    """Compare the chain and its gradients with PyTorch's loops in float64, and the tags with the plain engine's."""
    problem = potentials(*((3, 4, 3) if tiny else (64, 40, 17)), device, torch.float64)
    emissions, transitions, start, end, tags, starts, lengths = problem
    found = kernels.nll(emissions[None], transitions[None], start[None], end[None], starts, lengths, tags.int()[None])
    expected = plain.nll(plain.TorchChain(emissions, transitions, start, end), tags, lengths[0].cpu().numpy())
    if torch.device(device).type == "cpu":  # PyTorch's loops, where the CPU has compiled kernels
        chain = emissions, transitions, start, end
        steps = plain.time_steps(lengths[0].numpy())
        expected = plain.LogPartition.apply(*chain, steps) - plain.path_score(*chain, tags, steps)
    weights = emissions, transitions, start, end
    for mine, other in zip(gradients(found.sum(), weights), gradients(expected, weights), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(found.sum(), expected, rtol=1e-9, atol=1e-9)
    words = [sentence.tokens for sentence in sentences if len(sentence)]
    mine = tag_sentences(words, TritonEngine(model, device), model.tags)
    other = tag_sentences(words, NumpyEngine(model), model.tags)
    same = statistics.mean(a == b for a, b in zip(itertools.chain(*mine), itertools.chain(*other), strict=True))
    if same < 0.9999:
        sys.exit(f"refused: only {same:.2%} of the tags are those of the plain engine")
    print(f"checked: chain and gradients to 1e-8 in float64; {same:.3%} of {sum(map(len, words)):,} tags are the same")


def limits(device: str, tiny: bool) -> list[Measurement]:
    """Measure the card's limits: copies, and products of matrices in TF32."""
    size = 2**10 if tiny else 2**30
    source, target = torch.empty(2, size, dtype=torch.uint8, device=device)
    copies = 2 * size / seconds(lambda: target.copy_(source), device)
    side = 64 if tiny else 8192
    a, b = torch.randn(2, side, side, device=device)
    torch.backends.cuda.matmul.allow_tf32 = True
    products = 2 * side**3 / seconds(lambda: a @ b, device)
    torch.backends.cuda.matmul.allow_tf32 = False
    return [
        Measurement("memory: copying", "GB/s", copies / 1e9, note="read and written, 1 GiB"),
        Measurement("matrix rate in TF32", "TFLOP/s", products / 1e12, note=f"{side} x {side}"),
    ]


def crf(device: str, tiny: bool, copying: Measurement) -> list[Measurement]:
    """Measure the chain alone, and pytorch-crf on the same numbers."""
    sizes = (2, 3, 3) if tiny else (256, 40, 17)
    emissions, transitions, start, end, tags, starts, lengths = potentials(*sizes, device, torch.float32)
    scores = emissions[None], transitions[None], start[None], end[None]
    weights, places = (emissions, transitions, start, end), (starts, lengths)
    gold = tags.int()[None]
    ours = {
        "loss and gradient": lambda: gradients(kernels.nll(*scores, *places, gold).sum(), weights),
        "Viterbi": lambda: kernels.viterbi(*scores, *places),
    }
    rival = pytorch_crf(weights, tags, sizes, device) if find_spec("torchcrf") else {}
    figures = []
    for name, target in (("loss and gradient", 20.0), ("Viterbi", 50.0)):
        mine = seconds(ours[name], device)
        share = 8 * emissions.numel() / mine / 1e9 / (copying.value or 1.0)
        about = "B {}, T {}, K {}".format(*sizes)
        if name != "Viterbi":
            about += f"; copying the emissions would take {share:.1%} of it"
        figures.append(Measurement(f"CRF {name}", "ms", 1e3 * mine, note=about))
        ratio = Measurement(f"CRF {name}: ratio to pytorch-crf", "×", target=target)
        if name in rival:
            theirs = seconds(rival[name], device)
            ratio = Measurement(ratio.name, "×", theirs / mine, target=target, note=f"{1e3 * theirs:.3g} ms")
        else:
            ratio = ratio.without_value(MissingRival("pip install pytorch-crf"))
        figures.append(ratio)
    return figures


def pytorch_crf(
    weights: tuple[torch.Tensor, ...], tags: torch.Tensor, sizes: tuple[int, int, int], device: str
) -> dict[str, Callable[[], Any]]:
    """Return the same two operations of pytorch-crf, after a check that their results are the same."""
    from torchcrf import CRF  # pyright: ignore[reportMissingImports]

    sentences, words, count = sizes
    emissions, *rest = weights
    model = CRF(count, batch_first=True).to(device)
    with torch.no_grad():
        own = model.transitions, model.start_transitions, model.end_transitions
        for theirs, ours in zip(own, rest, strict=True):
            theirs.copy_(ours)
    shaped, gold = emissions.view(sentences, words, count), tags.view(sentences, words)
    starts = (torch.arange(sentences, device=device) * words).int()[None]
    lengths = torch.full_like(starts, words)
    transitions, start, end = (part[None] for part in rest)
    found = kernels.nll(emissions[None], transitions, start, end, starts, lengths, tags.int()[None]).sum()
    torch.testing.assert_close(-model(shaped, gold), found, rtol=1e-4, atol=1e-2)
    return {
        "loss and gradient": lambda: torch.autograd.grad(-model(shaped, gold), [emissions, *model.parameters()]),
        "Viterbi": lambda: model.decode(shaped),
    }


def training(
    parts: dict[str, list[Sentence]], config: Config, vectors: WordVectors | None, seeds: int, device: str
) -> list[Measurement]:
    """Measure the training of one seed, of several at once, and of one in bfloat16, with the test F1 of each."""
    figures, alone = [], 0.0
    for count in (1, seeds):
        runs, took = train(parts, config, vectors, range(1, count + 1), device)
        scores = [Tagger(run.model).evaluate(parts["test"]).f1 for run in runs]
        about = f"test F1 {', '.join(f'{score:.2f}' for score in scores)}"
        if count == 1:
            alone = took
            epochs = len(runs[0].epochs)
            figures.append(Measurement("training, one seed", "s", took, "<=", 120.0, f"{epochs} epochs; {about}"))
        else:
            name = f"training, {count} seeds at once: ratio to one"
            figures.append(Measurement(name, "×", took / alone, "<=", 2.0, f"{took:.1f} s; {about}"))
    rounded = configure(config, {"training.precision": "bfloat16"})
    (run,), took = train(parts, rounded, vectors, [1], device)
    about = f"test F1 {Tagger(run.model).evaluate(parts['test']).f1:.2f}"
    return [*figures, Measurement("training, one seed in bfloat16: ratio to float32", "×", took / alone, note=about)]


def train(
    parts: dict[str, list[Sentence]],
    config: Config,
    vectors: WordVectors | None,
    seeds: Sequence[int],
    device: str,
    epochs: int | None = None,
) -> tuple[list[Any], float]:
    """Train some seeds side by side. Return the results and the seconds, without reading sentences and compiling."""
    if epochs:
        config = configure(config, {"training.epochs": epochs})
    began = time.perf_counter()
    runs = train_together(parts["train"], parts["dev"], config, vectors, seeds, device)
    return runs, time.perf_counter() - began


def tagging(
    model: Model, sentences: Sequence[Sentence], tokens: int, device: str, products: Measurement
) -> list[Measurement]:
    """Measure tagging the same file again and again, text in and spans out, and the device's part alone."""
    tagger, texts = Tagger(model, device), [" ".join(sentence.tokens) for sentence in sentences if len(sentence)]
    count = sum(len(found.tokens) for found in tagger.tag(iter(texts)))
    rounds = max(round(tokens / count), 1)
    began = time.perf_counter()
    tagged = sum(len(found.tokens) for found in tagger.tag(itertools.chain(*[texts] * rounds)))
    whole = tagged / (time.perf_counter() - began)
    engine = TritonEngine(model, device)
    words = [sentence.tokens for sentence in sentences if len(sentence)]
    batch = engine.read(words)
    alone = sum(map(len, words)) / seconds(lambda: engine.decoder.viterbi(engine.chain(batch), batch.lengths), device)
    needed = 2 * (model.weights["encoder.state_weight"].size + model.weights["head.weight"].size)  # operations a token
    share = needed * alone / 1e12 / (products.value or 1.0)
    about = f"{sum(map(len, words)):,} at once; {share:.1%} of the matrix rate"
    return [
        Measurement("tagging, text in, spans out", "tokens/s", whole, target=2e6, note=f"{tagged:,} tokens"),
        Measurement("tagging, the device's part", "tokens/s", alone, target=5e6, note=about),
    ]


def potentials(sentences: int, words: int, tags: int, device: str, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """Return random scores of a batch, gold tags, and the starts and lengths of its sentences."""
    random = torch.Generator().manual_seed(0)
    shapes = (sentences * words, tags), (tags, tags), (tags,), (tags,)
    scores = [torch.randn(shape, generator=random, dtype=dtype).to(device).requires_grad_() for shape in shapes]
    gold = torch.randint(tags, (sentences * words,), generator=random).to(device)
    lengths = torch.full((1, sentences), words, dtype=torch.int32, device=device)
    return *scores, gold, (lengths.cumsum(1) - lengths).int(), lengths


def gradients(value: torch.Tensor, weights: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Return the gradients of the value by the weights."""
    return torch.autograd.grad(value, weights)


def seconds(call: Callable[[], Any], device: str, rounds: int = 7) -> float:
    """Return the shortest time of a call, after a warm-up; on a GPU the mean of 20 calls."""
    calls = 20 if device.startswith("cuda") else 1

    def once() -> float:
        began = time.perf_counter()
        for _ in range(calls):
            call()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return (time.perf_counter() - began) / calls

    once()
    return min(once() for _ in range(rounds if calls > 1 else 1))


if __name__ == "__main__":
    main()
