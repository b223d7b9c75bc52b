// The jobs on screen: the newest page polled, older ones added by hand, and those of them that still move re-read.
import { signal } from "@preact/signals";
import { jobs as calls } from "../api/calls.ts";
import { Poller } from "../api/poller.ts";
import type { Job, JobFilter } from "../api/types.ts";
import { isFinal, mergeHead } from "./merge_pages.ts";

const pageSize = 50;
const mostReread = 10;

export class JobFeed {
  readonly jobs = signal<Job[] | undefined>(undefined);
  readonly nextCursor = signal<string | null>(null);
  readonly poller: Poller<true>;
  private readonly filter: JobFilter;
  private paged = false;

  constructor(filter: JobFilter) {
    this.filter = filter;
    this.poller = new Poller(
      async (abort) => {
        await this.readHead(abort);
        return true as const;
      },
      () => 1500,
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
    const moving = (this.jobs.value ?? []).filter((job) => !inHead.has(job.id) && !isFinal(job.state)).slice(0, mostReread);
    const reread = new Map<string, Job | null>();
    await Promise.all(moving.map(async (job) => {
      reread.set(job.id, await calls.read(job.id, abort).catch(() => null));
    }));
    if (abort.aborted) return;
    const shown = (this.jobs.value ?? []).flatMap((job) => {
      const fresh = reread.get(job.id);
      if (!fresh) return [job];
      return !this.filter.state || fresh.state === this.filter.state ? [fresh] : [];
    });
    this.jobs.value = mergeHead(shown, head.data, headCursor === null);
    // Pages added by hand end further back than the head does.
    if (!this.paged || headCursor === null) this.nextCursor.value = headCursor;
  }
}
