"""`python -m perdure` is `perdure`."""

import sys

__all__ = ["run"]

_INTERRUPTED = 130


def run() -> int:
    """Run the command that the process's arguments name, and return its exit code: 130 after a Ctrl-C, as shells say.

    A server that has started to serve takes that itself, and drains.
    """
    try:
        from perdure.cli.main import main

        return main()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
