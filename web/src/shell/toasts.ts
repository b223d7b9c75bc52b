// Short messages at the edge of the page.
import { signal } from "@preact/signals";
import { describe, isAbort } from "../api/http.ts";

export interface Toast {
  id: number;
  kind: "done" | "failed";
  title: string;
  detail: string;
  link?: { to: string; text: string };
}

export const toasts = signal<Toast[]>([]);
let lastId = 0;

function show(toast: Omit<Toast, "id">, milliseconds: number): void {
  lastId += 1;
  const id = lastId;
  toasts.value = [...toasts.value.slice(-3), { ...toast, id }];
  window.setTimeout(() => dismiss(id), milliseconds);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function sayDone(title: string, link?: { to: string; text: string }): void {
  show({ kind: "done", title, detail: "", ...(link && { link }) }, 6000);
}

export function sayFailed(failure: unknown): void {
  if (isAbort(failure)) return;
  show({ kind: "failed", ...describe(failure) }, 12_000);
}
