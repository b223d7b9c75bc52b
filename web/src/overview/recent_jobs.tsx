import { jobs as calls } from "../api/calls.ts";
import { usePoller } from "../api/poller.ts";
import { JobTable } from "../jobs/job_table.tsx";
import { Link } from "../routing/link.tsx";
import { Panel } from "../ui/panel.tsx";

const shown = 8;

export function RecentJobs() {
  const poller = usePoller(
    "recent",
    (signal) => calls.list({}, shown, null, signal),
    () => 2000,
    () => true,
  );
  const recent = poller.data.value?.data;
  return (
    <Panel
      title="Latest jobs"
      flush
      actions={
        <Link to="/jobs" class="panel-link">
          All jobs
        </Link>
      }
    >
      {!recent ? (
        <p class="panel-note">…</p>
      ) : recent.length === 0 ? (
        <p class="panel-note">Nothing has been submitted yet. Submit a job, or try a model.</p>
      ) : (
        <JobTable jobs={recent} />
      )}
    </Panel>
  );
}
