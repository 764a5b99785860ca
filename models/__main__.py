"""``python -m models``: the same as ``beatline models``."""

import sys

from models.cli import app
from monitor.errors import BeatlineError

try:
    app(prog_name="python -m models")
except BeatlineError as error:
    sys.exit(str(error))
