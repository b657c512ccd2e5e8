"""What it costs: measurements against budgets. Each module is a program."""
