import type { Job } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { now } from "../ui/clock.ts";
import { duration, shortId } from "../ui/format.ts";
import { StateBadge } from "../ui/state_badge.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { summarize } from "./job_summary.ts";
import "./jobs.css";

export function JobTable({ jobs }: { jobs: Job[] }) {
  return (
    <div class="table-scroll">
      <table class="table job-table">
        <thead>
          <tr>
            <th>State</th>
            <th>Job</th>
            <th>Kind</th>
            <th class="wide">About</th>
            <th class="phone-off">Queue</th>
            <th class="number phone-off">Priority</th>
            <th class="number phone-off">Attempt</th>
            <th class="number">Created</th>
            <th class="number phone-off">Took</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ job }: { job: Job }) {
  const summary = summarize(job);
  return (
    <tr data-job={job.id}>
      <td class="cell-state">
        <StateBadge state={job.state} />
      </td>
      <td class="cell-id">
        <Link to={`/jobs/${job.id}`} class="row-link mono" label={`Job ${job.id}`}>
          {shortId(job.id)}
        </Link>
      </td>
      <td class="cell-kind">{job.kind}</td>
      <td class="cell-about">
        {job.state === "running" && job.progress_percent ? (
          <progress max={100} value={job.progress_percent} aria-label="Progress" />
        ) : (
          <span class={summary.kind === "failed" ? "about-failed" : "about"}>{summary.text}</span>
        )}
      </td>
      <td class="phone-off">{job.queue}</td>
      <td class="number phone-off">{job.priority}</td>
      <td class="number phone-off">
        {job.attempt}/{job.max_attempts}
      </td>
      <td class="number cell-created">
        <TimeAgo at={job.created_at} />
      </td>
      <td class="number phone-off">{took(job)}</td>
    </tr>
  );
}

function took(job: Job): string {
  if (!job.started_at) return "–";
  const end = job.finished_at ? Date.parse(job.finished_at) : job.state === "running" ? now.value : undefined;
  return end === undefined ? "–" : duration(Math.max(0, end - Date.parse(job.started_at)) / 1000);
}
