// Pure: who answers a model's requests, in shares and in words, and the form in which it is changed.
import type { Model, ModelName, RollbackPolicy, Traffic } from "../api/model_types.ts";

export interface Share {
  role: "production" | "candidate";
  version: string;
  percent: number;
}

/** Of the requests, in the order in which they are drawn. */
export function shares(traffic: Traffic): Share[] {
  if (!traffic.production) return [];
  const { candidate } = traffic;
  const production: Share = {
    role: "production",
    version: traffic.production,
    percent: 100 - (candidate?.percent ?? 0),
  };
  return candidate ? [production, { role: "candidate", ...candidate }] : [production];
}

export function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

export function roleOf(traffic: Traffic, version: string): "production" | "candidate" | "shadow" | null {
  if (traffic.production === version) return "production";
  if (traffic.candidate?.version === version) return "candidate";
  return traffic.shadow === version ? "shadow" : null;
}

export function fallbackText(fallback: ModelName | null | undefined): string {
  if (!fallback) return "";
  return fallback.version ? `${fallback.model}/${fallback.version}` : fallback.model;
}

export function parseFallback(text: string): ModelName | null {
  const [model = "", version = ""] = text.trim().split("/");
  return model === "" ? null : { model, ...(version && { version }) };
}

/** The one of the traffic, else that of production's manifest. */
export function fallbackOf(model: Model, traffic: Traffic): { name: string; byManifest: boolean } | null {
  if (traffic.fallback) return { name: fallbackText(traffic.fallback), byManifest: false };
  const named = model.versions.find((version) => version.version === traffic.production)?.manifest?.fallback;
  return named ? { name: fallbackText(named), byManifest: true } : null;
}

/** One setting of the past in one line. */
export function trafficText(traffic: Traffic): string {
  const parts = [traffic.production ? `version ${traffic.production} answers` : "nobody answers"];
  if (traffic.candidate)
    parts.push(`candidate ${traffic.candidate.version} gets ${percentText(traffic.candidate.percent)}`);
  if (traffic.shadow) parts.push(`shadow ${traffic.shadow}`);
  if (traffic.fallback) parts.push(`fallback ${fallbackText(traffic.fallback)}`);
  return parts.join(", ");
}

const usual: Required<RollbackPolicy> = { min_samples: 100, max_error_rate_increase: 0.02, max_latency_ratio: 2 };

export function policyText(rollback: Traffic["rollback"]): string {
  if (rollback === false) return "It is taken back only by hand.";
  const policy = { ...usual, ...(typeof rollback === "object" ? rollback : null) };
  const points = Number((policy.max_error_rate_increase * 100).toFixed(2));
  return `After ${policy.min_samples} predictions it is taken back by itself when ${points} points more of them fail than production's, or when it takes ${policy.max_latency_ratio} times as long.`;
}

/** The candidate answers everything from here on. */
export function promoted(traffic: Traffic): Traffic {
  return { ...settingOf(traffic), production: traffic.candidate?.version ?? traffic.production, candidate: null };
}

/** Without what is only told and not set. */
export function settingOf({
  production,
  candidate = null,
  shadow = null,
  fallback = null,
  rollback = {},
}: Traffic): Traffic {
  return { production, candidate, shadow, fallback, rollback };
}

/** What the form holds: "" is nobody. */
export interface TrafficDraft {
  production: string;
  candidate: string;
  percent: number;
  shadow: string;
  fallback: string;
  automatic: boolean;
}

export function draftOf(traffic: Traffic): TrafficDraft {
  return {
    production: traffic.production ?? "",
    candidate: traffic.candidate?.version ?? "",
    percent: traffic.candidate?.percent ?? 10,
    shadow: traffic.shadow ?? "",
    fallback: fallbackText(traffic.fallback),
    automatic: traffic.rollback !== false,
  };
}

/** A policy that was set with other figures is kept. */
export function trafficOf(draft: TrafficDraft, before: Traffic): Traffic {
  const policy = typeof before.rollback === "object" && before.rollback ? before.rollback : {};
  return {
    production: draft.production,
    candidate: draft.candidate ? { version: draft.candidate, percent: draft.percent } : null,
    shadow: draft.shadow || null,
    fallback: parseFallback(draft.fallback),
    rollback: draft.automatic ? policy : false,
  };
}

export function draftProblem(draft: TrafficDraft): string {
  if (draft.candidate && !(draft.percent >= 0 && draft.percent <= 100)) return "A share is a number from 0 to 100.";
  const named = [draft.production, draft.candidate, draft.shadow].filter(Boolean);
  return new Set(named).size < named.length ? "A version has one part: choose three different ones." : "";
}
