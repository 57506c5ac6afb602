"""The machine's float32 rate, and the shares of it that the recurrence and tagging reach."""

from __future__ import annotations

from tagsmith.bench.measurements import Measurement, MeasurementRefused, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, race_all
from tagsmith.config import CharCNNConfig
from tagsmith.store import Model, layer_names

SIZE, CALLS = 1024, 4
STATE = 200
"""Units in each direction of the recurrence that is measured alone."""


def rates(setting: BenchSetting, findings: Findings) -> None:
    """Measure large matrix products on one core, and the shares of their rate that recurrence and tagging reach."""
    entrants = {
        "products": Entrant(own_job("matmul"), {"size": SIZE, "calls": CALLS}),
        "recurrence": Entrant(own_job("recurrence"), {"test": setting.test, "size": STATE}),
        "tagging": Entrant(own_job("tagging"), {"test": setting.test, "model": setting.model}),
    }
    products, recurrence, tagging = race_all(entrants, setting.repeats).values()
    if abs(products.output) > 0.01 or recurrence.output > 1e-4 or tagging.output["tags"] != setting.tokens:
        raise MeasurementRefused("a wrong product, states that differ from the reference's, or too few tags")
    rate = CALLS * 2 * SIZE**3 / products.best / 1e9
    note = f"float32 products of {SIZE} x {SIZE}, one core"
    findings.add(Measurement("matrix rate of this machine", "GFLOP/s", rate, note=note))

    alone = 2 * 2 * 4 * STATE**2 * setting.tokens / recurrence.best / 1e9
    note = f"{significant(alone)} GFLOP/s, gates included; {significant(setting.tokens / recurrence.best)} tokens/s"
    name = f"fp32 recurrence of {STATE} units: share of that rate"
    findings.add(Measurement(name, "%", 100 * alone / rate, target=60, note=note))

    types = len({token for sentence in setting.sentences for token in sentence.tokens})
    work = needed_operations(setting.tagger.model, setting.tokens, types)
    reached = work / tagging.best / 1e9
    note = f"{significant(reached)} GFLOP/s; {significant(work / setting.tokens / 1e6)} MFLOP a token are needed"
    findings.add(Measurement("tagging: share of that rate", "%", 100 * reached / rate, note=note))


def needed_operations(model: Model, tokens: int, types: int) -> float:
    """Return the floating-point operations of the matrix products that tagging needs at least.

    Each token needs the recurrence and the head. Each distinct word needs its spelling (taken as six characters) and
    its input product of the first layer, as these depend on the word alone.
    """
    encoder, chars = model.config.encoder, model.config.chars
    sizes = {name: weight.size for name, weight in model.weights.items()}
    first, *others = layer_names(encoder)
    per_token = sizes["head.weight"] + sizes[f"{first}.state_weight"]
    per_token += sum(sizes[f"{layer}.input_weight"] + sizes[f"{layer}.state_weight"] for layer in others)
    spelling = 6 * chars.filters * chars.window * chars.dim if isinstance(chars, CharCNNConfig) else 0
    return 2.0 * (tokens * per_token + types * (sizes[f"{first}.input_weight"] + spelling))
