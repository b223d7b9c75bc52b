// Pure: which class each pixel of a map is, and the map again with one class standing out.
import type { ClassShare } from "../api/types.ts";

export type Rgb = [number, number, number];

export function parseColor(text: string): Rgb | null {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (!match) return null;
  return [1, 2, 3].map((group) => Number.parseInt(match[group] ?? "0", 16)) as Rgb;
}

/** Index into `shares` a pixel, -1 where the colour belongs to none. */
export function classOfPixels(rgba: Uint8ClampedArray, shares: ClassShare[]): Int16Array {
  const byColor = new Map<number, number>();
  shares.forEach((share, index) => {
    const color = parseColor(share.color);
    if (color) byColor.set((color[0] << 16) | (color[1] << 8) | color[2], index);
  });
  const classes = new Int16Array(rgba.length / 4);
  for (let pixel = 0; pixel < classes.length; pixel += 1) {
    const at = pixel * 4;
    const color = ((rgba[at] ?? 0) << 16) | ((rgba[at + 1] ?? 0) << 8) | (rgba[at + 2] ?? 0);
    classes[pixel] = byColor.get(color) ?? -1;
  }
  return classes;
}

/** Every other class fades to a fifth. */
export function standOut(
  rgba: Uint8ClampedArray,
  classes: Int16Array,
  chosen: number | null,
): Uint8ClampedArray<ArrayBuffer> {
  const shown = new Uint8ClampedArray(rgba);
  if (chosen === null) return shown;
  for (let pixel = 0; pixel < classes.length; pixel += 1) {
    if (classes[pixel] !== chosen) shown[pixel * 4 + 3] = 50;
  }
  return shown;
}
