// Reads something again and again: one request at a time, slower while it fails, not at all while the tab is hidden.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { backOff } from "./back_off.ts";
import { isAbort } from "./http.ts";

const active = new Set<Poller<unknown>>();

/** Every running poller reads now: for the "retry now" button. */
export function pollEverythingNow(): void {
  for (const poller of active) poller.refresh();
}

export class Poller<T> {
  readonly data = signal<T | undefined>(undefined);
  readonly failure = signal<unknown>(undefined);
  private readonly load: (signal: AbortSignal) => Promise<T>;
  /** Milliseconds until the next read after this answer; null stops. */
  private readonly interval: (data: T | undefined) => number | null;
  private controller: AbortController | undefined;
  private timer: number | undefined;
  private failures = 0;
  private running = false;

  constructor(load: (signal: AbortSignal) => Promise<T>, interval: (data: T | undefined) => number | null) {
    this.load = load;
    this.interval = interval;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    active.add(this as Poller<unknown>);
    document.addEventListener("visibilitychange", this.visibilityChanged);
    void this.read();
  }

  stop(): void {
    this.running = false;
    active.delete(this as Poller<unknown>);
    document.removeEventListener("visibilitychange", this.visibilityChanged);
    this.pause();
  }

  refresh(): void {
    if (!this.running) return;
    this.pause();
    void this.read();
  }

  private pause(): void {
    window.clearTimeout(this.timer);
    this.controller?.abort();
  }

  private readonly visibilityChanged = (): void => {
    if (document.hidden) this.pause();
    else this.refresh();
  };

  private async read(): Promise<void> {
    const controller = new AbortController();
    this.controller = controller;
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
    if (!this.running || document.hidden) return;
    const interval = this.interval(this.data.value);
    if (interval === null && this.failures === 0) return;
    this.timer = window.setTimeout(() => void this.read(), backOff(interval ?? 2000, this.failures, Math.random()));
  }
}

/** A poller that lives as long as the component, made anew when `key` changes. */
export function usePoller<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  interval: (data: T | undefined) => number | null,
): Poller<T> {
  const poller = useMemo(() => new Poller<T>(load, interval), [key]);
  useEffect(() => {
    poller.start();
    return () => poller.stop();
  }, [poller]);
  return poller;
}
