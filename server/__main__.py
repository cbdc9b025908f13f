"""`python -m server`: the command `ocr-server`."""

import sys

from ocr_cli.main import main

sys.exit(main())
