"""The inspector: calls to look at, live and recorded. It only ever reads journals."""
