"""Tables of scores for people to read."""

from __future__ import annotations

from tagsmith.metrics import Scores
from tagsmith.quality.calibration import CalibrationReport, Reliability, panels

_CONFUSION = 12  # labels in the confusion table; JSON has them all


def score_table(scores: Scores) -> str:
    """Return a table of the scores by label and overall, and the confusion table."""
    lines = [f"{scores.sentences:,} sentences, {scores.tokens:,} tokens; accuracy {scores.accuracy:.2f}"]
    if scores.spans:
        total = scores.overall
        lines[0] += f"; {total.gold:,} spans, {total.predicted:,} predicted, {total.correct:,} correct"
    width = max([7, *map(len, scores.labels)])
    lines += ["", f"{'':{width}}  precision  recall      F1    gold  predicted  correct"]
    rows = sorted(scores.labels.items())
    if scores.spans:
        rows.append(("overall", scores.overall))
    for label, count in rows:
        figures = f"{count.precision:9.2f}  {count.recall:6.2f}  {count.f1:6.2f}"
        lines.append(f"{label:{width}}  {figures}  {count.gold:6}  {count.predicted:9}  {count.correct:7}")
    return "\n".join([*lines, *_confusion(scores), ""])


def reliability_table(report: CalibrationReport) -> str:
    """Return ECE, Brier score and the bins, before and after calibration."""
    unit = "predicted spans" if report.of_spans else "tokens"
    lines = ["", f"confidence of {report.before.count:,} {unit}"]
    for name, found in panels(report):
        lines += ["", f"{name}: ECE {found.ece:.4f}, Brier {found.brier:.4f}", *_bins(found)]
    return "\n".join([*lines, ""])


def _bins(found: Reliability) -> list[str]:
    rows = (
        f"{each.low:.2f} - {each.high:.2f}  {each.predictions:7}  {each.confidence:11.3f}  {each.accuracy:5.3f}"
        for each in found.bins
        if each.predictions
    )
    return ["bin          answers  probability  right", *rows]


def _confusion(scores: Scores) -> list[str]:
    """Return a table of tokens by gold label (down) and predicted label (across), for the most mistaken labels."""
    mistakes: dict[str, int] = {}
    for (gold, predicted), count in scores.confusion.items():
        for label in (gold, predicted):
            mistakes[label] = mistakes.get(label, 0) + (count if gold != predicted else 0)
    chosen = sorted(sorted(mistakes), key=lambda label: -mistakes[label])[:_CONFUSION]
    if not chosen:
        return []
    names = sorted(chosen)
    width = max([6, *map(len, names)])
    title = "tokens by gold label (down) and predicted label (across)"
    if len(chosen) < len(mistakes):
        title += f", the {len(chosen)} most mistaken of {len(mistakes)}"
    lines = ["", title, " " * width + "".join(f"  {name:>{width}}" for name in names)]
    for gold in names:
        lines.append(f"{gold:{width}}" + "".join(f"  {scores.confusion[gold, name]:{width}}" for name in names))
    return lines
