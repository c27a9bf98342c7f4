"""Check a data set for faults: wrong answers, duplicates, leaks between splits."""
