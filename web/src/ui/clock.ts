// The time that "12 s ago" is counted from, one tick a second for the whole page.
import { signal } from "@preact/signals";

export const now = signal(Date.now());

window.setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
