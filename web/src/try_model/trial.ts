// One model being tried: what was put in, what came out. The newest input wins; an older answer is dropped.
import { signal } from "@preact/signals";
import { blobs, jobs, models as calls } from "../api/calls.ts";
import { isAbort } from "../api/http.ts";
import { idempotencyKey } from "../jobs/idempotency_key.ts";

export interface TrialInput {
  name: string;
  content: Blob;
  mediaType: string;
}

export class Trial {
  readonly model: string;
  readonly input = signal<TrialInput | null>(null);
  readonly result = signal<unknown>(undefined);
  readonly failure = signal<unknown>(undefined);
  readonly busy = signal(false);
  /** From the press of the button to the answer, over the network; milliseconds. */
  readonly roundTrip = signal<number | null>(null);
  private controller: AbortController | undefined;

  constructor(model: string) {
    this.model = model;
  }

  async run(input: TrialInput): Promise<void> {
    this.controller?.abort();
    const controller = new AbortController();
    this.controller = controller;
    this.input.value = input;
    this.failure.value = undefined;
    this.busy.value = true;
    const begun = performance.now();
    try {
      const result = await calls.predict(this.model, input.content, input.mediaType, controller.signal);
      if (controller.signal.aborted) return;
      this.roundTrip.value = performance.now() - begun;
      this.result.value = result;
    } catch (failure) {
      if (controller.signal.aborted || isAbort(failure)) return;
      this.result.value = undefined;
      this.failure.value = failure;
    }
    if (this.controller === controller) this.busy.value = false;
  }

  /** The same input through the durable queue; the id of the job. */
  async submitAsJob(input: TrialInput): Promise<string> {
    const blob = await blobs.put(input.content);
    const payload = { model: this.model, input: { blob: blob.sha256 } };
    const job = await jobs.submit({ kind: "infer", queue: "default", priority: 5, payload }, idempotencyKey());
    return job.id;
  }

  abandon(): void {
    this.controller?.abort();
  }
}
