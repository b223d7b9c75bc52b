"""Schedules that were due while the daemon was down, and have to make up for each planned time once."""
import calendar
import time

from workload import Workload, echo

MINUTE = 60_000_000
MISSED = 10  # minutes


def this_minute():
    return time.time_ns() // 1000 // MINUTE


class Schedules(Workload):
    """Before each life one more schedule has missed its last ten minutes."""

    def __init__(self, most=8):
        self.waiting = [f"schedule-{n}" for n in range(most)]
        self.begun = {}  # name -> its first planned minute

    def prepare(self, daemon, client, oracle):
        for name in self.waiting:
            answer = client.post(
                "/api/v1/schedules", {"name": name, "cron": "0 0 29 2 *", "missed": "run_all", "job": echo()}
            )
            assert answer.status == 201, answer

    def between(self, daemon):
        if not self.waiting:
            return
        name = self.waiting.pop()
        self.begun[name] = this_minute() - MISSED
        daemon.sql(
            "UPDATE schedules SET cron = '* * * * *', next_run_at = ? WHERE name = ?", self.begun[name] * MINUTE, name
        )

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)

    def finish(self, client, oracle):
        """Each planned time has given one job."""
        end = time.monotonic() + 30
        while not all(self.is_even(first, self.minutes(client, name)) for name, first in self.begun.items()):
            assert time.monotonic() < end, {
                name: (first, self.minutes(client, name)) for name, first in self.begun.items()
            }
            time.sleep(0.05)

    @staticmethod
    def is_even(first, minutes):
        return len(minutes) >= MISSED and minutes == list(range(first, first + len(minutes)))

    @staticmethod
    def minutes(client, name):
        answer = client.get(f"/api/v1/jobs?limit=200&tag=schedule%3D{name}")
        assert answer.status == 200, answer
        planned = [job["tags"]["planned_at"][:16] for job in answer.json["data"]]
        return sorted(calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M")) // 60 for text in planned)
