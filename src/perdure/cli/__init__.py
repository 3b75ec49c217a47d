"""The `perdure` command: tools around an `App`."""
