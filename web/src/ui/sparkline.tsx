import { niceTop, seriesPath } from "./series_path.ts";

const width = 160;
const height = 36;

interface SparklineProps {
  values: number[];
  capacity: number;
  tone: "accent" | "second" | "quiet";
}

/** A small line without axes: the shape of the last minutes, nothing to read off. */
export function Sparkline({ values, capacity, tone }: SparklineProps) {
  const { line, area } = seriesPath(values, { width, height: height - 3, capacity, top: niceTop(values) * 1.05 });
  return (
    <svg
      class={`sparkline tone-${tone}`}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <g transform="translate(0 2)">
        <path class="series-area" d={area} />
        <path class="series-line" d={line} />
      </g>
    </svg>
  );
}
