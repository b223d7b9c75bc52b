// What the daemon says of itself: each second by the event stream, and read where there is none; with the recent past
// kept for the sparklines.
import { effect, signal } from "@preact/signals";
import { status as calls } from "../api/calls.ts";
import { reachable } from "../api/http.ts";
import { follow, live, onStatus, unfollow } from "../api/live.ts";
import { Poller } from "../api/poller.ts";
import type { Status } from "../api/types.ts";
import { route } from "../routing/location.ts";
import { session } from "../session/session.ts";
import { setDaemonTime } from "../ui/clock.ts";

export interface Sample {
  at: number;
  queued: number;
  running: number;
  submitted: number;
  finished: number;
}

const longestHistory = 150;

export const history = signal<Sample[]>([]);

const poller = new Poller<Status>(
  async (signal) => {
    const status = await calls.read(signal);
    remember(status);
    return status;
  },
  () => (live.value ? 30_000 : route.value.page === "overview" ? 1000 : 5000),
);

onStatus.run = (status) => {
  remember(status);
  poller.data.value = status;
};

export const daemon = poller.data;

/** A state for the screen: while no answer comes, the last one says nothing about now. */
export function stateNow(state: string): string {
  return reachable.value ? state : "unknown";
}

function remember(status: Status): void {
  setDaemonTime(Date.parse(status.started_at) + status.uptime_seconds * 1000);
  history.value = [
    ...history.value.slice(1 - longestHistory),
    {
      at: Date.now(),
      queued: status.jobs.queued,
      running: status.jobs.running,
      submitted: status.jobs.rates.submitted_per_second,
      finished: status.jobs.rates.finished_per_second,
    },
  ];
}

effect(() => {
  if (session.value) {
    poller.start();
    follow();
  } else {
    unfollow();
    poller.stop();
    daemon.value = undefined;
    history.value = [];
  }
});

effect(() => {
  if (route.value.page === "overview" && !live.peek()) poller.refresh();
});
