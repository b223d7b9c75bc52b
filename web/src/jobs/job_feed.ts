// The jobs on screen: the newest page, read again when jobs change, older ones added by hand, and those of them that
// still move re-read.
import { signal } from "@preact/signals";
import { jobs as calls } from "../api/calls.ts";
import { Poller } from "../api/poller.ts";
import type { Job, JobFilter } from "../api/types.ts";
import { mergeHead, rereadPlan } from "./merge_pages.ts";

const pageSize = 50;
const mostReread = 500;
const mostSingle = 10;

export class JobFeed {
  readonly jobs = signal<Job[] | undefined>(undefined);
  readonly nextCursor = signal<string | null>(null);
  readonly poller: Poller<true>;
  private readonly filter: JobFilter;
  private paged = false;
  private turn = 0;
  private readonly changed = new Set<string>(); // since the last read

  constructor(filter: JobFilter) {
    this.filter = filter;
    this.poller = new Poller(
      async (abort) => {
        await this.readHead(abort);
        return true as const;
      },
      () => 1500,
      (changes) => {
        for (const id of changes.jobs.keys()) this.changed.add(id);
        return true;
      },
    );
  }

  async loadMore(): Promise<void> {
    const page = await calls.list(this.filter, pageSize, this.nextCursor.value);
    const known = new Set(this.jobs.value?.map((job) => job.id));
    this.jobs.value = [...(this.jobs.value ?? []), ...page.data.filter((job) => !known.has(job.id))];
    this.nextCursor.value = page.meta?.next_cursor ?? null;
    this.paged = true;
  }

  private async readHead(abort: AbortSignal): Promise<void> {
    const head = await calls.list(this.filter, pageSize, null, abort);
    const headCursor = head.meta?.next_cursor ?? null;
    const inHead = new Set(head.data.map((job) => job.id));
    const older = (this.jobs.value ?? []).filter((job) => !inHead.has(job.id));
    const plan = rereadPlan(older, mostReread, mostSingle, this.turn++, this.changed);
    this.changed.clear();
    const next =
      plan.rows > 0 && headCursor !== null ? await calls.list(this.filter, plan.rows, headCursor, abort) : undefined;
    const reread = new Map<string, Job | null>();
    await Promise.all(
      plan.single.map(async (job) => {
        reread.set(job.id, await calls.read(job.id, abort).catch(() => null));
      }),
    );
    if (abort.aborted) return;
    const fresh = [...head.data, ...(next?.data ?? [])];
    const freshIsAll = headCursor === null || (next !== undefined && !next.meta?.next_cursor);
    const shown = (this.jobs.value ?? []).flatMap((job) => {
      const now = reread.get(job.id);
      if (!now) return [job];
      return !this.filter.state || now.state === this.filter.state ? [now] : [];
    });
    this.jobs.value = mergeHead(shown, fresh, freshIsAll);
    // Pages added by hand end further back than the head does.
    if (!this.paged || headCursor === null) this.nextCursor.value = headCursor;
  }
}
