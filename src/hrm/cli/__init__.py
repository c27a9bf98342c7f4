"""The command line: reads arguments, prints, returns exit codes; no logic, and no torch before it is needed."""
