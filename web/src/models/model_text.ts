// Pure: a model's facts in words.
import type { Accuracy, Model, ModelInput, ModelVersion, TrialReport } from "../api/model_types.ts";
import { bytes, count, milliseconds, percent, shape } from "../ui/format.ts";

export function productionVersion(model: Model): ModelVersion | undefined {
  return model.versions.find((version) => version.version === model.production) ?? model.versions[0];
}

export function accuracyText(accuracy: Accuracy | null | undefined): string {
  if (accuracy?.held_out === undefined) return "not stated";
  const samples = accuracy.samples ? ` of ${count(accuracy.samples)} held out` : " held out";
  return `${percent(accuracy.held_out)}${samples}`;
}

export function inputText(input: ModelInput | null | undefined): string {
  if (!input) return "–";
  if (input.kind === "image") {
    const size = input.resize ? `, resized to ${shape(input.resize)}` : "";
    return `${input.color === "gray" ? "grey" : "colour"} image${size}`;
  }
  if (input.kind === "text") return "text";
  if (input.kind === "row") return "rows of named values";
  return `${input.datatype ?? ""} tensor ${input.shape ? shape(input.shape) : ""}`.trim();
}

const forms: Record<string, string> = { torchscript: "TorchScript", aotinductor: "AOTInductor" };

/** How the trial decided to run it: "TorchScript, optimized, fp32, 2 × 1 thread". */
export function formText(version: ModelVersion): string {
  const { trial } = version;
  const parts = [
    forms[version.format ?? ""] ?? version.format,
    trial?.optimization,
    trial?.precision,
    trial?.channels_last && "channels last",
  ];
  if (trial?.threads)
    parts.push(`${trial.instances ?? 1} × ${trial.threads} ${trial.threads === 1 ? "thread" : "threads"}`);
  return parts.filter(Boolean).join(", ");
}

export function trialText(trial: TrialReport | null | undefined): string {
  if (!trial) return "none: there was no runtime when it was pushed";
  const forward = trial.forward_ms > 0 ? `forward ${milliseconds(trial.forward_ms)}` : "";
  return [`loaded in ${milliseconds(trial.load_ms)}`, forward, bytes(trial.memory_bytes)].filter(Boolean).join(", ");
}

export function signerText(version: ModelVersion): string {
  if (version.signed_by) return version.signed_by;
  return version.signature ? "a key that is not known here" : "not signed";
}

/** Beside a version's name in its table: "ready, 12 MB". */
export function loadedText(version: ModelVersion): string {
  if (version.state === "failed") return "unusable";
  const { loaded } = version;
  if (!loaded) return "–";
  if (loaded.state === "absent") return "not loaded";
  return loaded.memory_bytes > 0 ? `${loaded.state}, ${bytes(loaded.memory_bytes)}` : loaded.state;
}
