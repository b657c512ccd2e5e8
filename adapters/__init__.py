"""The outside world behind the ports: carriers, speech, language, stores."""
