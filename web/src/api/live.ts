// The one event stream of this page: what the daemon says of itself each second, and which jobs have changed. While it
// runs, nothing is polled that it tells of. A hidden tab has none: browsers allow a host few connections.
import { signal } from "@preact/signals";
import { backOff } from "./back_off.ts";
import { EventParser, type ServerEvent } from "./event_parser.ts";
import { heard, onSessionEnded, reachable } from "./http.ts";
import type { JobState, Status } from "./types.ts";

/** The jobs that changed since the last one of these; or how many changes there were, too many to name. */
export interface Changes {
  jobs: Map<string, JobState>;
  more: number;
}

const path = "/api/v1/events/stream?types=service.status,jobs.changed";
/** The daemon says something every second: after so many milliseconds without, the connection is dead. */
const longestSilence = 5_000;
const firstWait = 250;

/** True while what it tells is all there is to know. */
export const live = signal(false);
export const onStatus: { run: (status: Status) => void } = { run: () => undefined };

type Listener = (changes: Changes | "everything") => void;
const listeners = new Set<Listener>();
let wanted = false;
let connection: AbortController | undefined;
let retry: number | undefined;
let failures = 0;
let heardAt = 0;

/** Called with what changed, and with "everything" when changes may have been missed. Returns how to stop it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function follow(): void {
  wanted = true;
  connect();
}

export function unfollow(): void {
  wanted = false;
  disconnect();
}

/** Connects anew, at once. */
export function connect(): void {
  disconnect();
  if (!wanted || document.hidden) return;
  const controller = new AbortController();
  connection = controller;
  void read(controller.signal).then((again) => {
    if (connection !== controller) return;
    disconnect();
    if (!again) return;
    failures += 1;
    const wait = failures === 1 ? firstWait * Math.random() : backOff(firstWait, failures - 1, Math.random());
    retry = window.setTimeout(connect, wait);
  });
}

function disconnect(): void {
  window.clearTimeout(retry);
  connection?.abort();
  connection = undefined;
  live.value = false;
}

/** Until it ends; whether to try again. */
async function read(abort: AbortSignal): Promise<boolean> {
  try {
    heardAt = Date.now();
    const response = await fetch(path, {
      headers: { Accept: "text/event-stream" },
      credentials: "same-origin",
      cache: "no-store",
      signal: abort,
    });
    if (response.status === 401) onSessionEnded.run();
    if (response.status === 401 || response.status === 403) return false;
    if (!response.ok || !response.body) return true; // pages poll meanwhile, and see whether anybody is there
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || abort.aborted) return true; // whether it is gone, the next try shows
      heardAt = Date.now();
      heard();
      if (!live.value) begin();
      for (const event of parser.feed(value)) take(event);
    }
  } catch {
    if (!abort.aborted) reachable.value = false;
    return true;
  }
}

/** What is on screen may be older than the stream. */
function begin(): void {
  failures = 0;
  live.value = true;
  reachable.value = true;
  tell("everything");
}

function take(event: ServerEvent): void {
  if (event.type === "reset") return tell("everything");
  if (event.type === "service.status") return onStatus.run(JSON.parse(event.data) as Status);
  if (event.type !== "jobs.changed") return;
  const changed = JSON.parse(event.data) as { jobs: { id: string; state: JobState }[]; more: number };
  tell({ jobs: new Map(changed.jobs.map((job) => [job.id, job.state])), more: changed.more });
}

function tell(changes: Changes | "everything"): void {
  for (const listener of listeners) listener(changes);
}

// Also after the machine has slept: its clock has gone on, and the connection has not.
window.setInterval(() => {
  if (connection && Date.now() - heardAt > longestSilence) {
    reachable.value = false;
    connect();
  }
}, 500);
document.addEventListener("visibilitychange", () => connect());
window.addEventListener("online", () => connect());
