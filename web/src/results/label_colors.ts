// Pure: a colour for each label, the same for one label and far apart for neighbours.

const COLORS = ["#e6550d", "#1f77b4", "#2ca02c", "#d62798", "#9467bd", "#bc8f00", "#17a2b8", "#8c564b"];

export function labelColors(labels: readonly string[]): Map<string, string> {
  const colors = new Map<string, string>();
  for (const label of labels)
    if (!colors.has(label)) colors.set(label, COLORS[colors.size % COLORS.length] ?? "#e6550d");
  return colors;
}
