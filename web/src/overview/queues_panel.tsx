import type { QueueDepth } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { count } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";

export function QueuesPanel({ queues }: { queues: QueueDepth[] }) {
  return (
    <Panel title="Queues" flush>
      {queues.length === 0 ? (
        <p class="panel-note">No queue has been used yet.</p>
      ) : (
        <table class="table table-small">
          <thead>
            <tr>
              <th>Queue</th>
              <th class="number">Queued</th>
              <th class="number">Running</th>
              <th class="number">Later</th>
            </tr>
          </thead>
          <tbody>
            {queues.map((queue) => (
              <tr key={queue.name}>
                <td>
                  <Link to={`/jobs?queue=${encodeURIComponent(queue.name)}`}>{queue.name}</Link>
                </td>
                <td class="number">{count(queue.queued)}</td>
                <td class="number">{count(queue.running)}</td>
                <td class="number">{count(queue.scheduled)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
