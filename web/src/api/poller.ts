// Reads something again and again: when the event stream says that it has changed, or at its own pace while there is no
// stream or the stream does not tell of it. One request at a time, slower while it fails, not at all while the tab is
// hidden.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { backOff } from "./back_off.ts";
import { isAbort } from "./http.ts";
import { type Changes, connect, listen, live } from "./live.ts";

/** However fast things change, a page reads them no more often; and less often where many pages may do so. */
const leastBetween = 600;
const leastBetweenMany = 900;
/** What follows the stream is read so often all the same. */
const restInterval = 10_000;

const active = new Set<Poller<unknown>>();

/** Every running poller reads now: for the "retry now" button. */
export function pollEverythingNow(): void {
  connect();
  for (const poller of active) poller.refresh();
}

/** Whether these changes may have changed what the poller reads. */
export type Follows<T> = (changes: Changes, data: T | undefined) => boolean;

export class Poller<T> {
  readonly data = signal<T | undefined>(undefined);
  readonly failure = signal<unknown>(undefined);
  private readonly load: (signal: AbortSignal) => Promise<T>;
  /** Milliseconds until the next read after this answer; null stops. */
  private readonly interval: (data: T | undefined) => number | null;
  private readonly follows: Follows<T> | undefined;
  private controller: AbortController | undefined;
  private timer: number | undefined;
  private unlisten: (() => void) | undefined;
  private failures = 0;
  private running = false;
  private reading = false;
  private changed = false;
  private begunAt = 0;
  private least = leastBetween;

  constructor(
    load: (signal: AbortSignal) => Promise<T>,
    interval: (data: T | undefined) => number | null,
    follows?: Follows<T>,
  ) {
    this.load = load;
    this.interval = interval;
    this.follows = follows;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    active.add(this as Poller<unknown>);
    document.addEventListener("visibilitychange", this.visibilityChanged);
    this.unlisten = listen((changes) => {
      if (changes !== "everything") this.least = changes.more > 0 ? leastBetweenMany : leastBetween;
      if (changes === "everything" || this.follows?.(changes, this.data.value)) this.nudge();
    });
    void this.read();
  }

  stop(): void {
    this.running = false;
    active.delete(this as Poller<unknown>);
    document.removeEventListener("visibilitychange", this.visibilityChanged);
    this.unlisten?.();
    this.pause();
  }

  refresh(): void {
    if (!this.running) return;
    this.pause();
    void this.read();
  }

  /** Something changed: reads soon. */
  private nudge(): void {
    if (!this.running || document.hidden) return;
    this.changed = true;
    if (!this.reading) this.schedule();
  }

  private pause(): void {
    window.clearTimeout(this.timer);
    this.controller?.abort();
    this.reading = false;
  }

  private readonly visibilityChanged = (): void => {
    if (document.hidden) this.pause();
    else this.refresh();
  };

  private schedule(): void {
    window.clearTimeout(this.timer);
    const interval = this.interval(this.data.value);
    let wait = backOff(interval ?? 2000, this.failures, Math.random());
    if (this.changed && this.failures === 0) wait = Math.max(0, this.begunAt + this.least - Date.now());
    else if (interval === null && this.failures === 0) return;
    else if (this.follows && live.value && this.failures === 0) wait = Math.max(restInterval, wait);
    this.timer = window.setTimeout(() => void this.read(), wait);
  }

  private async read(): Promise<void> {
    const controller = new AbortController();
    this.controller = controller;
    this.reading = true;
    this.changed = false;
    this.begunAt = Date.now();
    try {
      const data = await this.load(controller.signal);
      if (controller.signal.aborted) return;
      this.data.value = data;
      this.failure.value = undefined;
      this.failures = 0;
    } catch (failure) {
      if (controller.signal.aborted || isAbort(failure)) return;
      this.failure.value = failure;
      this.failures += 1;
    }
    this.reading = false;
    if (this.running && !document.hidden) this.schedule();
  }
}

/** A poller that lives as long as the component, made anew when `key` changes. */
export function usePoller<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  interval: (data: T | undefined) => number | null,
  follows?: Follows<T>,
): Poller<T> {
  const poller = useMemo(() => new Poller<T>(load, interval, follows), [key]);
  useEffect(() => {
    poller.start();
    return () => poller.stop();
  }, [poller]);
  return poller;
}
