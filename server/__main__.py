"""`python -m server`: the command `ocr-server`."""

import sys

from server.command_line import main

sys.exit(main())
