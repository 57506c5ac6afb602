"""Speed and memory, compared with rivals."""
