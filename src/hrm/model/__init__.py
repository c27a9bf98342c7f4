"""The networks: the paper's first. Import ``hrm.model.config`` alone to stay free of torch."""
