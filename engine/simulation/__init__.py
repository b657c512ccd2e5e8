"""A whole call in virtual time: scripted caller, scripted providers, a true carrier.

Everything that happens is said by a :class:`~engine.simulation.scenario.Scenario`, which is
plain data; the chart, the interpreter, the effects and the playout are the real ones.
"""
