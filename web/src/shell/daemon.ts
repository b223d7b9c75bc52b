// What the daemon says of itself, read once a second while the overview shows it and rarely otherwise, with the
// recent past kept for the sparklines.
import { effect, signal } from "@preact/signals";
import { status as calls } from "../api/calls.ts";
import { reachable } from "../api/http.ts";
import { Poller } from "../api/poller.ts";
import type { Status } from "../api/types.ts";
import { route } from "../routing/location.ts";
import { session } from "../session/session.ts";

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
  () => (route.value.page === "overview" ? 1000 : 5000),
);

export const daemon = poller.data;

/** A state for the screen: while no answer comes, the last one says nothing about now. */
export function stateNow(state: string): string {
  return reachable.value ? state : "unknown";
}

function remember(status: Status): void {
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
  } else {
    poller.stop();
    daemon.value = undefined;
    history.value = [];
  }
});

effect(() => {
  if (route.value.page === "overview") poller.refresh();
});
