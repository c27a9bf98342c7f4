"""Building blocks of the networks; none of them has heard of hierarchical reasoning."""
