// Pure: what a model's versions did, made ready for tables.
import type { Comparison, ModelStatistics, Total, VersionFigures, VersionStatistics } from "../api/model_types.ts";

/** Those that have a part or a past; newest first. */
export function comparable(comparison: Comparison): VersionFigures[] {
  return comparison.versions
    .filter(
      (version) => version.role !== null || version.predictions + version.shadow.compared + version.feedback.count > 0,
    )
    .sort(newestFirst);
}

export function active(statistics: ModelStatistics): VersionStatistics[] {
  return statistics.versions
    .filter((version) => requests(version) + version.pending + cacheLookups(version) > 0)
    .sort(newestFirst);
}

export function newestFirst(a: { version: string }, b: { version: string }): number {
  return Number(b.version) - Number(a.version);
}

export function requests(version: VersionStatistics): number {
  return version.success.count + version.failure.count;
}

export function cacheLookups(version: VersionStatistics): number {
  return (version.cache?.hits ?? 0) + (version.cache?.misses ?? 0);
}

/** Milliseconds a request; null before the first. */
export function mean(total: Total): number | null {
  return total.count > 0 ? total.ms / total.count : null;
}

export interface LabelRow {
  label: string;
  /** One a version, in their order: its share of that version's labels; null where it gave none. */
  shares: (number | null)[];
}

/** The most given labels of all versions, and what is beyond them in one row. */
export function labelRows(versions: VersionFigures[], most: number): LabelRow[] {
  const totals = versions.map((version) =>
    Object.values(version.labels).reduce((sum, count) => sum + count, version.other_labels),
  );
  const share = (count: number, index: number) => (totals[index] ? count / (totals[index] ?? 1) : null);
  const weight = new Map<string, number>();
  versions.forEach((version, index) => {
    for (const [label, count] of Object.entries(version.labels))
      weight.set(label, (weight.get(label) ?? 0) + (share(count, index) ?? 0));
  });
  const labels = [...weight].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([label]) => label);
  const shown = labels.slice(0, most);
  const rows = shown.map((label) => ({
    label,
    shares: versions.map((version, index) => share(version.labels[label] ?? 0, index)),
  }));
  const rest = versions.map(
    (version, index) => (totals[index] ?? 0) - shown.reduce((sum, label) => sum + (version.labels[label] ?? 0), 0),
  );
  if (rest.some((count) => count > 0)) rows.push({ label: "others", shares: rest.map(share) });
  return rows;
}
