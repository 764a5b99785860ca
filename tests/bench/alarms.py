"""Every alarm of the core: what must raise it, how soon, what must not. Run by hand, 20 s of CPU.

    python -m tests.bench.alarms            # the table of docs/alarms.md
    python -m tests.bench.alarms --seeds 3

Each script is played as often as there are seeds, with other noise, breathing and changes from beat to
beat, through the whole pipeline at 250 Hz in two leads; the labels are the true ones. A delay is told as
median and worst, in seconds of signal, from what the row names.
"""

import argparse
from statistics import median

from tests.alarm_cases import CASES, FS, Case, play

_SINCE = {
    "V1": "first V",
    "V2": "second V",
    "V5": "fifth V",
    "V11": "eleventh V",
    "S1": "first S",
    "quiet": "last QRS",
}
_HEAD = """| Kind | Must raise it | Delay, s: median, worst | from | Must not raise it | raised |
|---|---|---|---|---|---|"""


def row(case: Case, seeds: int) -> str:
    """Return one line of the table."""
    delays, false, missed = [], 0, 0
    for seed in range(seeds):
        played = play(case.script, settings=case.settings, lost=case.lost, gaps=case.gaps, seed=seed)
        starts = played.starts(case.kind)
        delays += [(starts[0].decided - played.onset(case.since)) / FS] if starts else []
        missed += not starts
        false += bool(play(case.quiet, settings=case.settings, seed=seed).starts(case.kind))
    since = _SINCE.get(str(case.since)) or f"{case.since:g} s"
    lost = f", {case.lost.n_leads} of 2 leads lost" if case.lost else ""
    if case.holes:
        lost = f", {case.holes.length_s:g} s of each {case.holes.period_s:g} s lost"
    told = f"{median(delays):.2f}, {max(delays):.2f}" if delays else "-"
    told += f" ({missed} missed)" if missed else ""
    return (
        f"| `{case.kind}` | `{case.script}`{lost} | {told} | {since} | `{case.quiet}` | {false} of {seeds} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="how often each script is played")
    seeds = parser.parse_args().seeds
    print(_HEAD)
    for case in CASES:
        print(row(case, seeds), flush=True)


if __name__ == "__main__":
    main()
