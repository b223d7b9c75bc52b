/** A fresh random key; crypto.randomUUID is missing on plain HTTP beyond this machine. */
export function idempotencyKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `ui-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
