// Pure: one line that says what a job is about.
import type { Job } from "../api/types.ts";
import { percent } from "../ui/format.ts";

const longest = 90;

export interface JobSummary {
  kind: "text" | "failed";
  text: string;
}

export function summarize(job: Job): JobSummary {
  if (job.error && job.state !== "succeeded") return { kind: "failed", text: cut(job.error.message || job.error.code) };
  if (job.kind === "infer") return { kind: "text", text: cut(inferLine(job)) };
  if (job.kind === "sleep") return { kind: "text", text: cut(sleepLine(record(job.payload))) };
  return { kind: "text", text: cut(compact(job.payload)) };
}

function inferLine(job: Job): string {
  const payload = record(job.payload);
  const result = record(job.result);
  const model = String(result["model"] ?? payload["model"] ?? "model");
  const label = result["label"];
  if (typeof label === "string") return `${model} → ${label} (${percent(Number(result["confidence"]), 0)})`;
  const shares = result["shares"];
  if (Array.isArray(shares)) {
    const largest = shares.map(record).sort((a, b) => Number(b["share"]) - Number(a["share"]))[0];
    if (largest) return `${model} → ${String(largest["label"])} ${percent(Number(largest["share"]), 0)} of the map`;
  }
  return model;
}

function sleepLine(payload: Record<string, unknown>): string {
  const fails = Number(payload["fail_times"] ?? 0);
  return `${String(payload["seconds"] ?? "?")} s${fails > 0 ? `, fails ${fails}×` : ""}`;
}

function compact(value: unknown): string {
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
