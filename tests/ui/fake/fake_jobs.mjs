// A queue in memory that moves by the clock, with some traffic of its own so that a page has something to show.
import { randomBytes } from "node:crypto";
import { Problem } from "./fake_models.mjs";

const final = ["succeeded", "dead", "cancelled", "expired"];
const now = () => new Date().toISOString();

function id() {
  const time = Date.now().toString(16).padStart(12, "0");
  const random = randomBytes(10).toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}

export class FakeJobs {
  constructor(models, blobs, traffic) {
    Object.assign(this, { models, blobs, jobs: [], recent: { submitted: [], finished: [] } });
    this.timer = setInterval(() => this.move(traffic), 100);
  }

  stop() {
    clearInterval(this.timer);
  }

  submit({ kind, queue = "default", priority = 5, payload = {}, max_attempts = 4 }) {
    if (!["echo", "sleep", "infer"].includes(kind))
      throw new Problem(422, "Unprocessable", `nothing here runs jobs of kind ${kind}`);
    const job = {
      id: id(),
      kind,
      queue,
      state: "queued",
      priority,
      payload,
      tags: {},
      attempt: 0,
      max_attempts,
      timeout_seconds: 1800,
      created_at: now(),
      run_at: now(),
      started_at: null,
      finished_at: null,
      progress_percent: 0,
      result: null,
      error: null,
      attempts: [],
      timeline: [{ at: now(), event: "submitted" }],
    };
    this.jobs.unshift(job);
    this.recent.submitted.push(Date.now());
    return job;
  }

  find(wanted) {
    const job = this.jobs.find((each) => each.id === wanted);
    if (!job) throw new Problem(404, "Not found", `there is no job ${wanted}`);
    return job;
  }

  list(query) {
    const limit = Number(query.get("limit") ?? 50);
    const matching = this.jobs.filter((job) =>
      ["state", "kind", "queue"].every((name) => !query.get(name) || job[name] === query.get(name)),
    );
    const start = query.get("cursor") ? matching.findIndex((job) => job.id === query.get("cursor")) + 1 : 0;
    const page = matching.slice(start, start + limit);
    const more = start + limit < matching.length;
    return {
      data: page.map(({ attempts, timeline, ...job }) => job),
      meta: { next_cursor: more ? page.at(-1).id : null },
    };
  }

  cancel(job) {
    if (final.includes(job.state)) throw new Problem(409, "Conflict", `the job is already ${job.state}`);
    this.end(job, "cancelled");
  }

  retry(job) {
    if (!["dead", "cancelled", "expired"].includes(job.state))
      throw new Problem(409, "Conflict", `the job is ${job.state}`);
    Object.assign(job, { state: "queued", attempt: 0, error: null, finished_at: null });
    job.timeline.push({ at: now(), event: "submitted" });
  }

  move(traffic) {
    if (traffic && Math.random() < 0.4) this.submitSomething();
    for (const job of this.jobs.filter((each) => each.state === "running")) this.work(job);
    const running = this.jobs.filter((each) => each.state === "running").length;
    for (const job of this.jobs
      .filter((each) => each.state === "queued")
      .reverse()
      .slice(0, 4 - running)) {
      Object.assign(job, { state: "running", attempt: job.attempt + 1, started_at: now() });
      job.attempts.push({ attempt: job.attempt, started_at: now(), ended_at: null, outcome: null, error: null });
      job.timeline.push({ at: now(), event: `attempt ${job.attempt} started` });
    }
    this.jobs.length = Math.min(this.jobs.length, 3000);
  }

  submitSomething() {
    const sample = this.models.samples[Math.floor(Math.random() * this.models.samples.length)];
    const chance = Math.random();
    if (chance < 0.6)
      this.submit({ kind: "infer", queue: "vision", payload: { model: "digits", input: { $sample: sample.name } } });
    else if (chance < 0.65)
      this.submit({ kind: "sleep", queue: "nightly", payload: { seconds: 2, fail_times: 9 }, max_attempts: 1 });
    else if (chance < 0.8) this.submit({ kind: "sleep", queue: "nightly", payload: { seconds: 3 } });
    else this.submit({ kind: "echo", payload: { reading: Math.round(Math.random() * 1000) / 10 } });
  }

  work(job) {
    const ran = (Date.now() - Date.parse(job.started_at)) / 1000;
    const takes = job.kind === "sleep" ? Number(job.payload.seconds ?? 0) : 0.15;
    if (ran < takes) {
      job.progress_percent = Math.round((ran / takes) * 100);
      return;
    }
    try {
      if (Number(job.payload.fail_times ?? 0) >= job.attempt)
        throw new Problem(500, "failed", "told to fail by fail_times");
      job.result =
        job.kind === "infer" ? this.infer(job.payload) : job.kind === "echo" ? job.payload : { slept_seconds: takes };
      this.end(job, "succeeded");
    } catch (failure) {
      job.error = { code: "failed", message: failure.message };
      this.end(job, "dead");
    }
  }

  infer({ model, input }) {
    const bytes = input.$sample
      ? this.models.samples.find((sample) => sample.name === input.$sample).bytes
      : this.blobs.get(input.blob);
    if (!bytes) throw new Problem(422, "failed", "there is no such blob");
    return this.models.predict(model, bytes);
  }

  end(job, state) {
    const attempt = job.attempts.at(-1);
    if (attempt && !attempt.ended_at)
      Object.assign(attempt, { ended_at: now(), outcome: state === "dead" ? "failed" : state, error: job.error });
    Object.assign(job, {
      state,
      finished_at: now(),
      progress_percent: state === "succeeded" ? 100 : job.progress_percent,
    });
    if (attempt) job.timeline.push({ at: now(), event: `attempt ${attempt.attempt} ${attempt.outcome}` });
    job.timeline.push({ at: now(), event: state });
    this.recent.finished.push(Date.now());
  }

  counts() {
    const counts = Object.fromEntries(
      ["queued", "running", "scheduled", "blocked", ...final].map((state) => [state, 0]),
    );
    const queues = new Map();
    for (const job of this.jobs) {
      counts[job.state] += 1;
      const queue = queues.get(job.queue) ?? { name: job.queue, queued: 0, running: 0, scheduled: 0 };
      if (job.state in queue) queue[job.state] += 1;
      queues.set(job.queue, queue);
    }
    const perSecond = (times) => {
      while (times.length > 0 && times[0] < Date.now() - 5000) times.shift();
      return times.length / 5;
    };
    counts.rates = {
      submitted_per_second: perSecond(this.recent.submitted),
      finished_per_second: perSecond(this.recent.finished),
    };
    return { jobs: counts, queues: [...queues.values()].sort((a, b) => a.name.localeCompare(b.name)) };
  }
}
