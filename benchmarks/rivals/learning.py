"""Shared by the learners: read a task from stdin and write predictions to stdout, as JSON, in a rival's environment."""

import json
import sys
import time


def reply_with(learn):
    """Learn from the task on stdin, and print the notes, the seconds, and the tags of dev and test."""
    task = json.load(sys.stdin)
    replies, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not mix with the reply
    began = time.perf_counter()
    tag, notes = learn(task)
    trained = time.perf_counter()
    tags = {name: [tag(tokens) for tokens, _ in task[name]] for name in ("dev", "test")}
    seconds = {"training": trained - began, "tagging": time.perf_counter() - trained}
    json.dump({"notes": notes, "seconds": seconds, "tags": tags}, replies)
