// Pure: numbers and times as people read them.

export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A rate: whole above ten, one digit below, and nothing for nothing. */
export function rate(value: number): string {
  if (!Number.isFinite(value) || value <= 0) return "0";
  if (value >= 10) return count(value);
  return value < 0.05 ? "<0.1" : value.toFixed(1);
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let amount = value;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 99.5 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

export function percent(fraction: number, digits = 1): string {
  const value = fraction * 100;
  if (value > 0 && value < 0.1 && digits <= 1) return "<0.1 %";
  return `${value.toFixed(value >= 99.95 ? 0 : digits)} %`;
}

export function milliseconds(value: number): string {
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return duration(value / 1000);
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(`${minutes} min`, Math.floor(seconds % 60), "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(`${hours} h`, minutes % 60, "min");
  return joined(`${Math.floor(hours / 24)} d`, hours % 24, "h");
}

function joined(large: string, rest: number, unit: string): string {
  return rest === 0 ? large : `${large} ${rest} ${unit}`;
}

export function ago(then: number, now: number): string {
  const seconds = Math.round((now - then) / 1000);
  // Two clocks, the daemon's and this one: a second ahead is still now.
  if (seconds <= -2) return `in ${coarse(-seconds)}`;
  if (seconds < 2) return "just now";
  return `${coarse(seconds)} ago`;
}

function coarse(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** The end of a UUIDv7: its beginning is the time, the same for all jobs of a moment. */
export function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}

export function shape(sizes: number[]): string {
  return sizes.map((size) => (size < 0 ? "any" : String(size))).join(" × ");
}

/** "pixel_classification" and "land-cover" as words. */
export function words(name: string): string {
  const text = name.replace(/[_-]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
