"""What the learners share: a task on stdin as JSON, their predictions on stdout. It runs in a rival's environment."""

import json
import sys
import time


def answer(learn):
    """Learn what stdin asks for and print notes, seconds and the tags of dev and test."""
    task = json.load(sys.stdin)
    replies, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not get among the answers
    began = time.perf_counter()
    tag, notes = learn(task)
    trained = time.perf_counter()
    tags = {name: [tag(tokens) for tokens, _ in task[name]] for name in ("dev", "test")}
    seconds = {"training": trained - began, "tagging": time.perf_counter() - trained}
    json.dump({"notes": notes, "seconds": seconds, "tags": tags}, replies)
