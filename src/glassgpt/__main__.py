"""`python -m glassgpt` is the program `glassgpt`."""

import sys


def start() -> int:
    """Run the program; Ctrl-C ends it quietly even while it is still being imported."""
    try:
        from glassgpt.cli.main import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(start())
