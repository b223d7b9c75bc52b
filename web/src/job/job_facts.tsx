import type { Job } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { duration } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";

export function JobFacts({ job }: { job: Job }) {
  const tags = Object.entries(job.tags ?? {});
  const later = job.run_at !== null && Date.parse(job.run_at) - Date.parse(job.created_at) > 1000;
  return (
    <Panel title="Job">
      <dl class="facts">
        <div>
          <dt>Queue</dt>
          <dd>
            <Link to={`/jobs?queue=${encodeURIComponent(job.queue)}`}>{job.queue}</Link>
          </dd>
        </div>
        <div>
          <dt>Priority</dt>
          <dd class="number">{job.priority}</dd>
        </div>
        <div>
          <dt>Attempt</dt>
          <dd class="number">
            {job.attempt} of {job.max_attempts}
          </dd>
        </div>
        {job.timeout_seconds !== undefined && (
          <div>
            <dt>Time limit</dt>
            <dd class="number">{duration(job.timeout_seconds)}</dd>
          </div>
        )}
        <div>
          <dt>Created</dt>
          <dd>
            <TimeAgo at={job.created_at} />
          </dd>
        </div>
        {later && (
          <div>
            <dt>Due</dt>
            <dd>
              <TimeAgo at={job.run_at} />
            </dd>
          </div>
        )}
        <div>
          <dt>Started</dt>
          <dd>
            <TimeAgo at={job.started_at} />
          </dd>
        </div>
        <div>
          <dt>Finished</dt>
          <dd>
            <TimeAgo at={job.finished_at} />
          </dd>
        </div>
        {job.started_at && job.finished_at && (
          <div>
            <dt>Took</dt>
            <dd class="number">
              {duration(Math.max(0, Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000)}
            </dd>
          </div>
        )}
        {tags.length > 0 && (
          <div>
            <dt>Tags</dt>
            <dd>
              {tags.map(([name, value]) => (
                <span key={name} class="chip">
                  {name}={String(value)}
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
    </Panel>
  );
}
