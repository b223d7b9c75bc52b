import type { Sample } from "../shell/daemon.ts";
import { duration, rate } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { niceTop, seriesPath } from "../ui/series_path.ts";

const width = 600;
const height = 150;
const fewest = 30;
const most = 120;

/** Jobs in and jobs out, a second apart, for as long as this page has been open, up to two minutes. */
export function ThroughputPanel({ samples }: { samples: Sample[] }) {
  const shown = samples.slice(-most);
  const capacity = Math.max(fewest, shown.length);
  const submitted = shown.map((sample) => sample.submitted);
  const finished = shown.map((sample) => sample.finished);
  const top = niceTop([...submitted, ...finished]);
  const frame = { width, height, capacity, top };
  const last = shown.at(-1);
  return (
    <Panel
      title="Jobs per second"
      class="throughput"
      actions={
        <ul class="chart-key" aria-label="Series">
          <li>
            <span class="swatch tone-quiet" aria-hidden="true" />
            submitted <b>{rate(last?.submitted ?? 0)}</b>
          </li>
          <li>
            <span class="swatch tone-second" aria-hidden="true" />
            finished <b>{rate(last?.finished ?? 0)}</b>
          </li>
        </ul>
      }
    >
      <div class="chart">
        <div class="chart-scale" aria-hidden="true">
          <span>{rate(top)}</span>
          <span>{rate(top / 2)}</span>
          <span>0</span>
        </div>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          role="img"
          aria-label="Jobs submitted and finished per second lately"
        >
          {[0, 0.5, 1].map((part) => (
            <path key={part} class="chart-grid" d={`M0 ${part * height}H${width}`} />
          ))}
          <g class="tone-quiet">
            <path class="series-line" d={seriesPath(submitted, frame).line} />
          </g>
          <g class="tone-second">
            <path class="series-area" d={seriesPath(finished, frame).area} />
            <path class="series-line" d={seriesPath(finished, frame).line} />
          </g>
        </svg>
        <div class="chart-time" aria-hidden="true">
          <span>{duration(Math.max(fewest, Math.round((Date.now() - (shown[0]?.at ?? Date.now())) / 1000)))} ago</span>
          <span>now</span>
        </div>
      </div>
    </Panel>
  );
}
