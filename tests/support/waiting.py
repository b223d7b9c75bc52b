"""Waiting for what comes by itself."""
import time


def until(condition, seconds=30, pause=0.02):
    """Returns once `condition()` holds, with its value; fails after so long."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"in vain after {seconds} s"
        time.sleep(pause)
    return value
