"""`python -m glassgpt` is the program `glassgpt`."""

import sys

from glassgpt.cli.main import main

sys.exit(main())
