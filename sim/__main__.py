"""``python -m sim`` is ``beatline sim``."""

from sim.cli import main

main()
