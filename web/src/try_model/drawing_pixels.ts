// Pure: a drawing brought to the few pixels that a small model sees, the way its training pictures were made: cut to
// what was drawn, scaled to fill the height or the width, centred, and each pixel the share of ink under it.

/** `ink` holds one byte a pixel of the pad, 0 to 255. Null where nothing was drawn. */
export function shrinkDrawing(ink: Uint8Array, size: number, height: number, width: number): Uint8Array | null {
  let [left, top, right, bottom] = [size, size, -1, -1];
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      if ((ink[row * size + column] ?? 0) < 64) continue;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
    }
  }
  if (right < 0) return null;
  // How many pad pixels one small pixel covers; the drawing's larger side fills the picture.
  const step = Math.max((right - left + 1) / width, (bottom - top + 1) / height);
  const startX = (left + right + 1) / 2 - (step * width) / 2;
  const startY = (top + bottom + 1) / 2 - (step * height) / 2;
  const small = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      small[row * width + column] = average(ink, size, startX + column * step, startY + row * step, step);
    }
  }
  return small;
}

function average(ink: Uint8Array, size: number, x: number, y: number, step: number): number {
  const samples = 8;
  let sum = 0;
  for (let down = 0; down < samples; down += 1) {
    for (let across = 0; across < samples; across += 1) {
      const column = Math.floor(x + ((across + 0.5) / samples) * step);
      const row = Math.floor(y + ((down + 0.5) / samples) * step);
      if (column >= 0 && column < size && row >= 0 && row < size) sum += ink[row * size + column] ?? 0;
    }
  }
  return Math.round(sum / (samples * samples));
}
