"""What joins several rooms: the demo, plans, counts, timings."""
