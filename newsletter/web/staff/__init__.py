"""The pages of staff, below /staff: each module is one errand, and `guard` stands at every door."""
