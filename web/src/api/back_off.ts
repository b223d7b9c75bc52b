// Pure: how long a poller waits after so many failures in a row.

/** A daemon that was restarted is back in a second or two: whoever looks at the page sees that soon. */
const longestMilliseconds = 3_000;

/** `spread` in [0, 1) moves the wait by up to a fifth, so that many open pages do not return at once. */
export function backOff(interval: number, failures: number, spread: number): number {
  if (failures === 0) return interval;
  const wait = Math.min(longestMilliseconds, Math.max(interval, 1000) * 2 ** Math.min(failures - 1, 10));
  return Math.min(longestMilliseconds, Math.round(wait * (0.8 + 0.4 * spread)));
}
