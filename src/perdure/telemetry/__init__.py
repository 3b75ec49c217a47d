"""What an operator sees: metrics and traces, kept at a fraction of a microsecond each."""
