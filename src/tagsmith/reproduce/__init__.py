"""The paper's tables, run on your data: which models they compare, the runs, and a record of each."""
