"""The machine: devices, compiling, memory, time. Knows nothing about puzzles or networks."""
