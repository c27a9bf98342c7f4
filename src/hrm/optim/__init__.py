"""Optimizers: a learning rate is a pure function of the update, averages cover everything learned."""
