import type { JobState, Status } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { count } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";

const states: JobState[] = ["queued", "running", "scheduled", "blocked", "succeeded", "dead", "cancelled", "expired"];

export function JobCounts({ jobs }: { jobs: Status["jobs"] }) {
  const total = states.reduce((sum, state) => sum + (jobs[state] ?? 0), 0);
  const present = states.filter((state) => (jobs[state] ?? 0) > 0);
  return (
    <Panel title="Jobs by state" actions={<span class="muted number">{count(total)} kept</span>}>
      <div class="state-bar" aria-hidden="true">
        {present.map((state) => (
          <span key={state} class={`state-${state}`} style={{ flexGrow: jobs[state] }} />
        ))}
      </div>
      <ul class="state-counts">
        {states.map((state) => (
          <li key={state}>
            <Link to={`/jobs?state=${state}`} class={`state-${state}`}>
              <span class="badge-dot" aria-hidden="true" />
              <span>{state}</span>
              <b class="number">{count(jobs[state] ?? 0)}</b>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
