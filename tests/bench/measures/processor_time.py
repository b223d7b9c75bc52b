"""Where the processor time of a measurement went: microseconds an item, by process and thread name."""
import collections
import os
import pathlib
import re

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")


class ProcessorTime:
    """From its making to taken()."""

    def __init__(self, **processes):
        self.processes = processes  # name -> pid
        self.before = self.read()

    def read(self):
        found = collections.Counter()
        for name, pid in self.processes.items():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                try:
                    thread, fields = re.fullmatch(r"\d+ \((.*)\) (.*)", (task / "stat").read_text().strip()).groups()
                except (OSError, AttributeError):  # it ended meanwhile
                    continue
                user, system = fields.split()[11:13]
                found[name, re.sub(r"-\d+$", "", thread)] += (int(user) + int(system)) * TICK_US
        return found

    def taken(self, items):
        """thread -> microseconds an item, the dearest first."""
        spent = self.read()
        spent.subtract(self.before)
        return {" ".join(key): us / items for key, us in spent.most_common() if us / items >= 0.5}
