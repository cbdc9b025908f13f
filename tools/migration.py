"""Write a migration for what changed in server/database/tables.py since the newest one.

python tools/migration.py "what changed"; look through the file before you commit it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import Script

from server.database.location import locate
from server.database.schema import alembic_config, upgrade


def main() -> None:
    """Compare an empty database with all migrations to the tables, and write the difference."""
    with tempfile.TemporaryDirectory() as folder:
        location = locate(None, Path(folder))
        upgrade(location)
        made = command.revision(alembic_config(location), message=sys.argv[1], autogenerate=True)
    assert isinstance(made, Script)
    path = Path(made.path)
    path.write_text(re.sub(r" +# ###.*\n", "", path.read_text()))
    print(path)


if __name__ == "__main__":
    main()
