import type { Attempt } from "../api/types.ts";
import { duration, words } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeOfDay } from "../ui/time.tsx";

export function AttemptsPanel({ attempts }: { attempts: Attempt[] }) {
  if (attempts.length === 0) return null;
  return (
    <Panel title="Attempts" flush>
      <table class="table table-small">
        <thead>
          <tr>
            <th class="number">No.</th>
            <th>Started</th>
            <th class="number">Took</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <tr key={attempt.attempt}>
              <td class="number">{attempt.attempt}</td>
              <td>{attempt.started_at ? <TimeOfDay at={attempt.started_at} /> : "–"}</td>
              <td class="number">{took(attempt)}</td>
              <td class="attempt-outcome">
                {attempt.outcome ? words(attempt.outcome) : "Running"}
                {attempt.error && <span class="about-failed">{attempt.error.message || attempt.error.code}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function took(attempt: Attempt): string {
  if (!attempt.started_at || !attempt.ended_at) return "–";
  return duration(Math.max(0, Date.parse(attempt.ended_at) - Date.parse(attempt.started_at)) / 1000);
}
