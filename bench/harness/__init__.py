"""The parts of the benchmark: what is asked, of whom, by what load, and what comes of it."""
