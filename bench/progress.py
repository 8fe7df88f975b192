"""What a benchmark says while it runs."""
import sys


def say(text):
    print(f"  {text}", flush=True)


def say_progress(text):
    """On a terminal a line that is written over; elsewhere nothing."""
    if sys.stdout.isatty():
        print(f"\r  {text:<110}", end="", flush=True)


def bar(share):
    """[####    ] of a share."""
    return f"[{'#' * round(20 * min(1.0, share)):<20}]"
