"""hrm: train, evaluate, solve with and look into the Hierarchical Reasoning Model."""
