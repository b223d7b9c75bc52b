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

function isOlder(job: Job, than: Job): boolean {
  return job.created_at !== than.created_at ? job.created_at < than.created_at : job.id < than.id;
}
