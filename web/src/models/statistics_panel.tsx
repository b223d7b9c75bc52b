import type { ModelStatistics, Total, VersionStatistics } from "../api/model_types.ts";
import { count, milliseconds, percent } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { active, cacheLookups, mean, requests } from "./figures.ts";

export function StatisticsPanel({ statistics }: { statistics: ModelStatistics }) {
  const versions = active(statistics);
  return (
    <Panel
      title="Since the start"
      flush
      class="after-version"
      actions={
        <span class="muted panel-aside number" data-pending>
          {count(statistics.pending)} waiting or running
        </span>
      }
    >
      {versions.length === 0 ? (
        <p class="panel-note">Nothing has been run since the daemon started.</p>
      ) : (
        <div class="table-scroll">
          <table class="table table-small table-dense">
            <thead>
              <tr>
                <th>Version</th>
                <th class="number">Requests</th>
                <th class="number">Failed</th>
                <th class="number">Mean batch</th>
                <th class="number">Queued</th>
                <th class="number">Input</th>
                <th class="number">Model</th>
                <th class="number">Output</th>
                <th class="number">Cache hits</th>
                <th class="number">Pending</th>
              </tr>
            </thead>
            <tbody>
              {versions.map((version) => (
                <Row key={version.version} version={version} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Row({ version }: { version: VersionStatistics }) {
  return (
    <tr data-statistics={version.version}>
      <td>{version.version}</td>
      <td class="number">{count(requests(version))}</td>
      <td class="number">{count(version.failure.count)}</td>
      <td class="number">{version.execution_count > 0 ? version.mean_batch.toFixed(1) : "–"}</td>
      <Mean total={version.queue} />
      <Mean total={version.compute_input} />
      <Mean total={version.compute_infer} />
      <Mean total={version.compute_output} />
      <td class="number">{cacheLookups(version) > 0 ? percent(version.cache?.hit_rate ?? 0) : "–"}</td>
      <td class="number">{count(version.pending)}</td>
    </tr>
  );
}

function Mean({ total }: { total: Total }) {
  const each = mean(total);
  return <td class="number">{each === null ? "–" : milliseconds(each)}</td>;
}
