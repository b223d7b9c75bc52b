// Pure: the newest page read again, laid over what was already on screen.
import type { Job, JobState } from "../api/types.ts";

const finalStates: JobState[] = ["succeeded", "dead", "cancelled", "expired"];

export function isFinal(state: JobState): boolean {
  return finalStates.includes(state);
}

/**
 * `head` is the newest page, newest first; `headIsAll` says that there is nothing after it. Jobs on screen that are
 * older than the head stay; one inside its span that it no longer holds has left the filter.
 */
export function mergeHead(shown: Job[], head: Job[], headIsAll: boolean): Job[] {
  const oldest = head.at(-1);
  if (headIsAll || !oldest) return head;
  const inHead = new Set(head.map((job) => job.id));
  const older = shown.filter((job) => !inHead.has(job.id) && isOlder(job, oldest));
  return [...head, ...older];
}

/**
 * How the jobs on screen that are older than the newest page are read again: the first `most` as one page that follows it, as many
 * as reach down to the last one that still moves; of those further down, `beside` at a time, one by one, first those that are known
 * to have changed, the others in turns. `turn` counts up.
 */
export function rereadPlan(
  older: Job[],
  most: number,
  beside: number,
  turn: number,
  changed: ReadonlySet<string> = new Set(),
): { rows: number; single: Job[] } {
  const moves = (job: Job) => !isFinal(job.state);
  const rows = older.slice(0, most).findLastIndex(moves) + 1;
  const far = older.slice(most).filter(moves);
  const first = far.length > 0 ? (turn * beside) % far.length : 0;
  const inTurn = [...far.slice(first), ...far.slice(0, first)];
  const known = inTurn.filter((job) => changed.has(job.id));
  return { rows, single: [...known, ...inTurn.filter((job) => !changed.has(job.id))].slice(0, beside) };
}

function isOlder(job: Job, than: Job): boolean {
  return job.created_at !== than.created_at ? job.created_at < than.created_at : job.id < than.id;
}
