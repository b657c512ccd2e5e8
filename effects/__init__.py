"""What a state does while it lasts: cancellable trio coroutines, and the ports they need."""
