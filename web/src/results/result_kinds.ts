// Pure: tells the shapes of an inference result apart.
import type { LabelResult, LabelsResult, MapResult, ObjectsResult } from "../api/types.ts";

export function isLabelResult(value: unknown): value is LabelResult {
  return isRecord(value) && typeof value["label"] === "string" && Array.isArray(value["top"]);
}

/** Several labels may be right, or none. */
export function isLabelsResult(value: unknown): value is LabelsResult {
  return isRecord(value) && Array.isArray(value["labels"]) && Array.isArray(value["top"]);
}

export function isObjectsResult(value: unknown): value is ObjectsResult {
  return isRecord(value) && Array.isArray(value["objects"]);
}

export function isMapResult(value: unknown): value is MapResult {
  return (
    isRecord(value) &&
    Array.isArray(value["shares"]) &&
    isRecord(value["map"]) &&
    typeof value["map"]["blob"] === "string"
  );
}

export function hasRunFacts(
  value: unknown,
): value is { model: string; model_version: string; batch_size: number; queue_ms: number; infer_ms: number } {
  return isRecord(value) && typeof value["model"] === "string" && typeof value["infer_ms"] === "number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
