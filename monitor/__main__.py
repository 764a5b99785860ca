"""``python -m monitor`` is the ``beatline`` command."""

from monitor.cli import main

main()
