import type { Comparison, VersionFigures } from "../api/model_types.ts";
import { count, milliseconds, percent } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { comparable, labelRows } from "./figures.ts";

const mostLabels = 12;
const nothing = <span class="faint">–</span>;

export function ComparisonPanel({ comparison }: { comparison: Comparison }) {
  const versions = comparable(comparison);
  const labelled = versions.filter((version) => Object.keys(version.labels).length > 0);
  const labels = labelRows(labelled, mostLabels);
  return (
    <Panel
      title="Comparison"
      flush
      class="after-version"
      actions={
        <span class="muted panel-aside">
          since <TimeAgo at={comparison.since} />
        </span>
      }
    >
      {versions.length === 0 ? (
        <p class="panel-note">No version has been asked yet.</p>
      ) : (
        <div class="table-scroll">
          <table class="table table-small table-dense">
            <thead>
              <tr>
                <th>Version</th>
                <th class="number">Predictions</th>
                <th class="number">Errors</th>
                <th class="number">p50</th>
                <th class="number">p95</th>
                <th class="number">As shadow</th>
                <th class="number">Feedback</th>
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
      {labels.length > 0 && (
        <div class="table-scroll label-shares">
          <table class="table table-small">
            <thead>
              <tr>
                <th>Label</th>
                {labelled.map(({ version }) => (
                  <th key={version} class="number">
                    Version {version}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {labels.map(({ label, shares }) => (
                <tr key={label}>
                  <td>{label}</td>
                  {shares.map((share, index) => (
                    <td key={labelled[index]?.version} class="number">
                      <LabelShare share={share} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function Row({ version }: { version: VersionFigures }) {
  const { shadow, feedback } = version;
  const asked = version.predictions > 0;
  return (
    <tr data-compared={version.version}>
      <td>
        {version.version}
        {version.role && <span class={`chip chip-accent part-${version.role}`}>{version.role}</span>}
        {version.breaker !== "closed" && (
          <span class="badge loaded-failed">breaker {version.breaker.replace("_", " ")}</span>
        )}
      </td>
      <td class="number">{count(version.predictions)}</td>
      <td
        class="number"
        title={version.fallbacks > 0 ? `the fallback answered ${count(version.fallbacks)} times` : undefined}
      >
        {version.error_rate === null
          ? nothing
          : version.errors === 0
            ? "0 %"
            : `${percent(version.error_rate)} (${count(version.errors)})`}
      </td>
      <td class="number">{asked ? milliseconds(version.latency_ms.p50) : nothing}</td>
      <td class="number">{asked ? milliseconds(version.latency_ms.p95) : nothing}</td>
      <td class="number">
        {shadow.agreement === null ? nothing : `${percent(shadow.agreement)} of ${count(shadow.compared)} agree`}
      </td>
      <td class="number">
        {feedback.accuracy === null ? nothing : `${percent(feedback.accuracy)} of ${count(feedback.count)} right`}
      </td>
    </tr>
  );
}

function LabelShare({ share }: { share: number | null }) {
  if (share === null) return nothing;
  return (
    <span class="label-share">
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${share * 100}%` }} />
      </span>
      <span>{share === 0 ? "0 %" : percent(share)}</span>
    </span>
  );
}
