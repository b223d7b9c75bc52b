// Pure: a vegetation index as a colour, from bare soil over dry grass to dense green.

type Stop = [number, number, number, number];

const stops: Stop[] = [
  [-0.1, 66, 72, 92],
  [0.05, 176, 148, 110],
  [0.25, 222, 205, 140],
  [0.45, 160, 190, 90],
  [0.65, 72, 142, 62],
  [0.9, 14, 84, 46],
];

export function vegetationColor(value: number): [number, number, number] {
  const first = stops[0] as Stop;
  if (!(value > first[0])) return [first[1], first[2], first[3]];
  for (let index = 1; index < stops.length; index += 1) {
    const low = stops[index - 1] as Stop;
    const high = stops[index] as Stop;
    if (value <= high[0]) {
      const part = (value - low[0]) / (high[0] - low[0]);
      return [1, 2, 3].map((at) =>
        Math.round((low[at] as number) + part * ((high[at] as number) - (low[at] as number))),
      ) as [number, number, number];
    }
  }
  const last = stops.at(-1) as Stop;
  return [last[1], last[2], last[3]];
}

/** One date of a series as pixels. */
export function paintDate(values: Float32Array, start: number, count: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(count * 4);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const [red, green, blue] = vegetationColor(values[start + pixel] ?? 0);
    rgba[pixel * 4] = red;
    rgba[pixel * 4 + 1] = green;
    rgba[pixel * 4 + 2] = blue;
    rgba[pixel * 4 + 3] = 255;
  }
  return rgba;
}
