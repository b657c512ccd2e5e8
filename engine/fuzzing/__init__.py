"""Finding the calls that go wrong: every moment of known calls disturbed, and calls that nobody
thought of, held in virtual time (:mod:`engine.simulation`) and judged by its laws."""
