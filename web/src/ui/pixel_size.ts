/** Screen pixels a picture's pixel: whole, so that all are the same size, and at least one. */
export function pixelSize(width: number, height: number, roomWidth: number, roomHeight: number): number {
  return Math.max(1, Math.floor(Math.min(roomWidth / width, roomHeight / height)));
}
