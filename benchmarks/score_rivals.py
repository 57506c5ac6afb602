"""Train rivals on given files and score them by conlleval's rule, as tagsmith does:

    python benchmarks/score_rivals.py rivals --train train.conll --dev dev.conll --test test.conll --out wnut17.json

``rivals`` is the folder that ``make_rivals.py`` made. Files may have any format and scheme that tagsmith reads; rivals
see the sentences as IOB2. The output has one JSON record per rival: tool, version, settings, the files with their
SHA-256, precision, recall and F1 by label on dev and test, and the seconds. Without ``--dev`` the last tenth of train
is dev.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from tagsmith import formats
from tagsmith.bench.rivals import Rivals
from tagsmith.corpora.checking import sha256_of
from tagsmith.corpora.reading import split_off_dev
from tagsmith.files import replacing
from tagsmith.metrics import score
from tagsmith.schemes import gold_tags

LEARNERS = {"crfsuite": "crfsuite_learner.py", "spacy": "spacy_learner.py"}
Pairs = list[tuple[tuple[str, ...], list[str]]]


def main() -> None:
    """Run the learners one after the other, and write the records after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rivals", type=Path)
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev")
    parser.add_argument("--test", required=True)
    parser.add_argument("--language", default="en", help="the language of spaCy's blank pipeline")
    parser.add_argument("--only", choices=LEARNERS)
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    files = {name: path for name in ("train", "dev", "test") if (path := getattr(given, name))}
    splits = {name: list(formats.read(path)) for name, path in files.items()}
    if not given.dev:
        splits = split_off_dev(splits)
    data = {name: {"file": Path(path).name, "sha256": sha256_of(path)} for name, path in files.items()}
    counts = {name: len(sentences) for name, sentences in splits.items()}
    gold = {name: [(sentence.tokens, gold_tags(sentence, "IOB2")) for sentence in splits[name]] for name in splits}
    tokens = [(words, None) for words, _ in gold["test"]]  # no rival sees its tags
    records = []
    for name in [given.only] if given.only else LEARNERS:
        python = Rivals.at(given.rivals).entrant(name, {}).python
        reply = learn(python, LEARNERS[name], {**gold, "test": tokens, "language": given.language})
        scores = {split: scored(gold[split], reply["tags"][split]) for split in ("dev", "test")}
        machine = {"machine": platform.machine(), "python": platform.python_version()}
        records.append(
            {**reply["notes"], "data": data, "sentences": counts, **scores, "seconds": reply["seconds"], **machine}
        )
        print(f"{name}: dev F1 {scores['dev']['f1']:.2f}, test F1 {scores['test']['f1']:.2f}", flush=True)
        with replacing(given.out) as part:
            part.write_text(json.dumps(records, indent=1) + "\n", "utf-8")


def learn(python: str, script: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run a learner in its own environment, and return its reply."""
    command = [python, str(Path(__file__).parent / "rivals" / script)]
    done = subprocess.run(command, input=json.dumps(task), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{script} failed")
    return json.loads(done.stdout)


def scored(gold: Pairs, predicted: list[list[str]]) -> dict[str, Any]:
    """Return all scores except the confusion table."""
    pairs = zip((tags for _, tags in gold), predicted, strict=True)
    return {name: value for name, value in score(pairs, spans=True).as_dict().items() if name != "confusion"}


if __name__ == "__main__":
    main()
