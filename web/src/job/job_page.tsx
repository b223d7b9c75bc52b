import { useSignal } from "@preact/signals";
import { jobs as calls } from "../api/calls.ts";
import { ApiError } from "../api/http.ts";
import { usePoller } from "../api/poller.ts";
import type { Job } from "../api/types.ts";
import { isFinal } from "../jobs/merge_pages.ts";
import { ResultView } from "../results/result_view.tsx";
import { hasRunFacts } from "../results/result_kinds.ts";
import { Link } from "../routing/link.tsx";
import { may } from "../session/session.ts";
import { sayDone, sayFailed } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy_button.tsx";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { shortId } from "../ui/format.ts";
import { JsonView } from "../ui/json_view.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { Panel } from "../ui/panel.tsx";
import { StateBadge } from "../ui/state_badge.tsx";
import { AttemptsPanel } from "./attempts_panel.tsx";
import { JobFacts } from "./job_facts.tsx";
import { TimelinePanel } from "./timeline_panel.tsx";
import { WhyLine } from "./why_line.tsx";
import "./job.css";

export function JobPage({ id }: { id: string }) {
  const poller = usePoller(
    id,
    (signal) => calls.read(id, signal),
    (job) => (job && isFinal(job.state) ? null : 1000),
    (changes) => changes.more > 0 || changes.jobs.has(id),
  );
  const job = poller.data.value;
  const failure = poller.failure.value;
  if (!job) {
    if (failure instanceof ApiError && failure.status === 404) {
      return (
        <Empty title="No such job" link={{ to: "/jobs", text: "All jobs" }}>
          There is no job {id} here.
        </Empty>
      );
    }
    return failure ? (
      <Failure failure={failure} retry={() => poller.refresh()} />
    ) : (
      <p class="loading" role="status">
        Reading the job…
      </p>
    );
  }
  return (
    <>
      <PageHead
        title={`${job.kind} ${shortId(job.id)}`}
        above={<Link to="/jobs">Jobs</Link>}
        beside={<StateBadge state={job.state} />}
      >
        <Actions job={job} changed={() => poller.refresh()} />
      </PageHead>
      <p class="job-id mono">
        {job.id}
        <CopyButton text={job.id} label="Copy the id" />
      </p>
      {!isFinal(job.state) && <WhyLine key={job.state} id={job.id} />}
      {job.state === "running" && !!job.progress_percent && (
        <progress
          class="job-progress"
          max={100}
          value={job.progress_percent}
          aria-label={`${job.progress_percent} % done`}
        />
      )}
      {job.error && (
        <div class="failure" role="alert">
          <strong>{job.error.code}</strong>
          <p>{job.error.message}</p>
        </div>
      )}
      <div class="job-columns">
        <div class="job-main">
          <ResultPanel job={job} />
          <Panel title="Payload" flush>
            <JsonView value={job.payload} label="payload" />
          </Panel>
          <AttemptsPanel attempts={job.attempts ?? []} />
        </div>
        <div class="job-side">
          <JobFacts job={job} />
          <TimelinePanel events={job.timeline ?? []} />
        </div>
      </div>
    </>
  );
}

function ResultPanel({ job }: { job: Job }) {
  if (job.result === null || job.result === undefined) {
    if (job.state === "running" || job.state === "queued") {
      return (
        <Panel title="Result">
          <p class="faint" role="status">
            {job.state === "running" ? "Running…" : "Waiting in the queue…"}
          </p>
        </Panel>
      );
    }
    return null;
  }
  const drawn = hasRunFacts(job.result);
  return (
    <Panel title="Result" flush>
      {drawn && <ResultView result={job.result} />}
      {drawn ? (
        <details class="raw">
          <summary>As JSON</summary>
          <JsonView value={job.result} label="result" />
        </details>
      ) : (
        <JsonView value={job.result} label="result" />
      )}
    </Panel>
  );
}

function Actions({ job, changed }: { job: Job; changed: () => void }) {
  const busy = useSignal(false);
  if (!may("submitter")) return null;
  const act = async (call: (id: string) => Promise<unknown>, said: string) => {
    busy.value = true;
    try {
      await call(job.id);
      sayDone(said);
    } catch (failure) {
      sayFailed(failure);
    }
    busy.value = false;
    changed();
  };
  if (!isFinal(job.state)) {
    return (
      <Button busy={busy.value} onClick={() => void act(calls.cancel, "Cancelled, or asked to stop")}>
        Cancel
      </Button>
    );
  }
  if (job.state === "succeeded") return null;
  return (
    <Button busy={busy.value} onClick={() => void act(calls.retry, "Queued again")}>
      Retry
    </Button>
  );
}
