"""Evaluation: scripted dialogues are held against an engine, and what came of them is measured.

    dialogue   the format of a dialogue file, strictly read
    speech     what the caller says, as sound: recordings, and texts spoken by the embedded voice
    plan       a dialogue with its sounds becomes a script for the simulated telephone
    run        the calls: one engine here, or one at an address; one result a dialogue, or its error
    measures   what a call's recording says of turn-taking
    task       whether the caller got what the dialogue expects
    figures    all results together, percentiles, thresholds
    table      what is shown

Everything but ``run`` is pure, apart from reading files.
"""
