// Pure: a model's facts in words.
import type { Accuracy, Model, ModelInput, ModelVersion } from "../api/types.ts";
import { count, percent, shape } from "../ui/format.ts";

export function productionVersion(model: Model): ModelVersion | undefined {
  return model.versions.find((version) => version.version === model.production) ?? model.versions[0];
}

export function accuracyText(accuracy: Accuracy | null | undefined): string {
  if (accuracy?.held_out === undefined) return "not stated";
  const samples = accuracy.samples ? ` of ${count(accuracy.samples)} held out` : " held out";
  return `${percent(accuracy.held_out)}${samples}`;
}

export function inputText(input: ModelInput | undefined): string {
  if (!input) return "–";
  if (input.kind === "image") {
    const size = input.resize ? `, resized to ${shape(input.resize)}` : "";
    return `${input.color === "gray" ? "grey" : "colour"} image${size}`;
  }
  return `${input.datatype ?? ""} tensor ${input.shape ? shape(input.shape) : ""}`.trim();
}
