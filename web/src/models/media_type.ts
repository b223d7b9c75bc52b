/** What the daemon is told a file is: browsers know nothing of .npy. */
export function mediaTypeOf(file: { name: string; type: string }): string {
  if (file.type === "image/png" || file.type === "image/jpeg") return file.type;
  const name = file.name.toLowerCase();
  if (name.endsWith(".png")) return "image/png";
  if (name.endsWith(".jpg") || name.endsWith(".jpeg")) return "image/jpeg";
  if (name.endsWith(".json")) return "application/json";
  return "application/octet-stream";
}
