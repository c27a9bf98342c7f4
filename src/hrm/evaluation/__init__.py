"""How good a solver is, with the interval and the protocol beside the number."""
