"""Finding the calls that go wrong: every moment of known calls disturbed, and calls that nobody
thought of, held in virtual time (:mod:`engine.simulation`) and judged by its laws."""

import warnings

# trio gives Hypothesis its random numbers to manage, and keeps them: the warning is mistaken.
warnings.filterwarnings("ignore", "It looks like `register_random` was passed an object")
