"""The clock: when editions fall due, what is done at each tick, and the process that ticks."""
