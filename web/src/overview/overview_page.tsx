import { reachable } from "../api/http.ts";
import { daemon, history } from "../shell/daemon.ts";
import { count, rate } from "../ui/format.ts";
import { PageHead } from "../ui/page_head.tsx";
import { JobCounts } from "./job_counts.tsx";
import { QueuesPanel } from "./queues_panel.tsx";
import { RecentJobs } from "./recent_jobs.tsx";
import { StoragePanel } from "./storage_panel.tsx";
import { Tile } from "./tile.tsx";
import { ThroughputPanel } from "./throughput_panel.tsx";
import { WorkerPanel } from "./worker_panel.tsx";
import "./overview.css";

export function OverviewPage() {
  const status = daemon.value;
  return (
    <>
      <PageHead title="Overview" beside={status && <Readiness ready={status.ready} reasons={status.reasons} />} />
      {!status ? (
        <p class="loading" role="status">
          Asking the daemon…
        </p>
      ) : (
        <div class="overview">
          <div class="tiles">
            <Tile
              name="Queued"
              value={count(status.jobs.queued)}
              history={history.value.map((sample) => sample.queued)}
              tone="accent"
              to="/jobs?state=queued"
            />
            <Tile
              name="Running"
              value={count(status.jobs.running)}
              history={history.value.map((sample) => sample.running)}
              tone="accent"
              to="/jobs?state=running"
            />
            <Tile
              name="Submitted"
              unit="/s"
              value={rate(status.jobs.rates.submitted_per_second)}
              history={history.value.map((sample) => sample.submitted)}
              tone="quiet"
            />
            <Tile
              name="Finished"
              unit="/s"
              value={rate(status.jobs.rates.finished_per_second)}
              history={history.value.map((sample) => sample.finished)}
              tone="second"
            />
          </div>
          <div class="overview-main">
            <ThroughputPanel samples={history.value} />
            <WorkerPanel worker={status.worker} />
          </div>
          <div class="overview-side">
            <JobCounts jobs={status.jobs} />
            <QueuesPanel queues={status.queues} />
            <StoragePanel status={status} />
          </div>
          <RecentJobs />
        </div>
      )}
    </>
  );
}

/** While no answer comes, the last one says nothing about now. */
function Readiness({ ready, reasons }: { ready: boolean; reasons: string[] }) {
  if (!reachable.value)
    return (
      <span class="badge state-dead">
        <span class="badge-dot" aria-hidden="true" />
        no answer
      </span>
    );
  return ready ? (
    <span class="badge state-succeeded">
      <span class="badge-dot" aria-hidden="true" />
      ready
    </span>
  ) : (
    <span class="badge state-dead">
      <span class="badge-dot" aria-hidden="true" />
      not ready{reasons.length > 0 && `: ${reasons.join(", ")}`}
    </span>
  );
}
