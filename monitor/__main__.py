"""``beatline`` and ``python -m monitor``: one command, that can be interrupted while it loads."""

import signal

__all__ = ["main"]


def main() -> None:
    """Load the command and run it; Ctrl-C before it is there ends the process at once, without a word.

    Nothing has begun by then, so nothing needs an end. A `KeyboardInterrupt` would come up in the midst of
    some library's import, which may print it, or make another error of it.
    """
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:  # else it is ignored: we were started in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from monitor import cli

    signal.signal(signal.SIGINT, interrupted)
    cli.main()


if __name__ == "__main__":
    main()
