// The time that "12 s ago" is counted from: the daemon's, one tick a second for the whole page.
import { signal } from "@preact/signals";

/** Nobody's clock is this exact. */
const tolerated = 2_000;

let ahead = 0; // the daemon's clock, of this machine's, in milliseconds

export const now = signal(Date.now());
/** By this machine's clock: for what it has measured itself. */
export const localNow = signal(Date.now());

/** The daemon's times are shown by its own clock: one of the two may be an hour off. */
export function setDaemonTime(time: number): void {
  const difference = time - Date.now();
  ahead = Math.abs(difference) > tolerated ? difference : 0;
}

window.setInterval(() => {
  if (document.hidden) return;
  localNow.value = Date.now();
  now.value = localNow.value + ahead;
}, 1000);
