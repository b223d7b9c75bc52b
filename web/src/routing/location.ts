// Where the page is, as signals over the browser's history.
import { computed, signal } from "@preact/signals";
import { parseRoute } from "./route.ts";

const path = signal(window.location.pathname);
const search = signal(window.location.search);

export const route = computed(() => parseRoute(path.value));
export const searchParameters = computed(() => new URLSearchParams(search.value));

function read(): void {
  path.value = window.location.pathname;
  search.value = window.location.search;
}

window.addEventListener("popstate", read);

export function go(to: string): void {
  if (to === window.location.pathname + window.location.search) return;
  window.history.pushState(null, "", to);
  read();
  window.scrollTo(0, 0);
}

/** Changes one query parameter in place: a filter, not a step in the history. */
export function setSearchParameter(name: string, value: string): void {
  const next = new URLSearchParams(search.value);
  if (value === "") next.delete(name);
  else next.set(name, value);
  const text = next.toString();
  window.history.replaceState(null, "", window.location.pathname + (text ? `?${text}` : ""));
  read();
}
