import { now } from "./clock.ts";
import { ago } from "./format.ts";

export function TimeAgo({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="faint">–</span>;
  const then = Date.parse(at);
  return (
    <time dateTime={at} title={new Date(then).toLocaleString()}>
      {ago(then, now.value)}
    </time>
  );
}

export function TimeOfDay({ at }: { at: string }) {
  const time = new Date(at);
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const text = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${pad(time.getMilliseconds(), 3)}`;
  return (
    <time dateTime={at} title={time.toLocaleString()}>
      {text}
    </time>
  );
}
