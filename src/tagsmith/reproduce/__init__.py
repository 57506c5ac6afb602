"""The paper's tables on your data: the models they compare, the runs, and a record of each run."""
