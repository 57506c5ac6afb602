"""The machine's fp32 rate, and our share of it."""

from __future__ import annotations

from tagsmith.bench.measurements import Measurement, MeasurementRefused, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, race
from tagsmith.config import CharCNNConfig
from tagsmith.store import Model, layer_names

SIZE, CALLS = 1024, 4
STATE = 200
"""Units in each direction of the recurrence that is measured alone."""


def share(setting: BenchSetting, findings: Findings) -> None:
    """The rate of large matrix products on one core, and how much of it the recurrence and all of tagging reach."""
    entrants = {
        "products": Entrant(own_job("matmul"), {"size": SIZE, "calls": CALLS}),
        "recurrence": Entrant(own_job("recurrence"), {"test": setting.test, "size": STATE}),
        "tagging": Entrant(own_job("tagging"), {"test": setting.test, "model": setting.model}),
    }
    results = []
    for result in race(entrants, setting.repeats).values():
        if isinstance(result, MeasurementRefused):
            raise result
        results.append(result)
    products, recurrence, tagging = results
    if abs(products.answer) > 0.01 or recurrence.answer > 1e-4 or tagging.answer["tags"] != setting.tokens:
        raise MeasurementRefused("a wrong product, states that differ from the reference's, or too few tags")
    rate = CALLS * 2 * SIZE**3 / products.best / 1e9
    types = len({token for sentence in setting.sentences for token in sentence.tokens})
    work = needed(setting.tagger.model, setting.tokens, types)
    reached = work / tagging.best / 1e9
    note = f"float32 products of {SIZE} x {SIZE}, one core"
    findings.figures.append(Measurement("matrix rate of this machine", "GFLOP/s", rate, note=note))
    alone = 2 * 2 * 4 * STATE**2 * setting.tokens / recurrence.best / 1e9
    note = f"{significant(alone)} GFLOP/s, gates included; {significant(setting.tokens / recurrence.best)} tokens/s"
    name = f"fp32 recurrence of {STATE} units: share of that rate"
    findings.figures.append(Measurement(name, "%", 100 * alone / rate, target=60, note=note))
    note = f"{significant(reached)} GFLOP/s; {significant(work / setting.tokens / 1e6)} MFLOP a token are needed"
    findings.figures.append(Measurement("tagging: share of that rate", "%", 100 * reached / rate, note=note))


def needed(model: Model, tokens: int, types: int) -> float:
    """Floating-point operations of the matrix products that tagging can't do without.

    For each token the recurrence and the head; for each distinct word, as they depend on the word alone, its spelling
    (words of six characters, say) and its share of the first layer's input product.
    """
    encoder, chars = model.config.encoder, model.config.chars
    sizes = {name: weight.size for name, weight in model.weights.items()}
    first, *others = layer_names(encoder)
    states = sizes["head.weight"] + sizes[f"{first}.state_weight"]
    states += sum(sizes[f"{layer}.input_weight"] + sizes[f"{layer}.state_weight"] for layer in others)
    spelled = 6 * chars.filters * chars.window * chars.dim if isinstance(chars, CharCNNConfig) else 0
    return 2.0 * (tokens * states + types * (sizes[f"{first}.input_weight"] + spelled))
