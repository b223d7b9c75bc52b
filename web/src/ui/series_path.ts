// Pure: a series of numbers as an SVG path.

export interface Frame {
  width: number;
  height: number;
  /** How many samples fill the width; a shorter series is drawn at its right end. */
  capacity: number;
  /** The value at the top edge. */
  top: number;
}

export interface SeriesPath {
  line: string;
  area: string;
}

export function seriesPath(values: number[], frame: Frame): SeriesPath {
  if (values.length === 0) return { line: "", area: "" };
  const step = frame.width / Math.max(1, frame.capacity - 1);
  const shown = values.slice(-frame.capacity);
  const left = frame.width - (shown.length - 1) * step;
  const scale = frame.top > 0 ? frame.height / frame.top : 0;
  const points = shown.map((value, index) => {
    const x = left + index * step;
    const y = frame.height - Math.min(frame.height, Math.max(0, value * scale));
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = `M${points.join("L")}`;
  return { line, area: `${line}L${frame.width.toFixed(1)} ${frame.height}L${left.toFixed(1)} ${frame.height}Z` };
}

/** The next of 1, 2, 5, 10, 20 … at or above the largest value, so that the scale moves rarely. */
export function niceTop(values: number[]): number {
  const largest = Math.max(0, ...values);
  if (largest <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= largest) ?? 10;
  return step * power;
}
