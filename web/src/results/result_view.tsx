import { milliseconds, percent } from "../ui/format.ts";
import type { LabelResult, LabelScore, LabelsResult } from "../api/types.ts";
import { FoundObjects } from "./found_objects.tsx";
import { LandCoverMap } from "./land_cover_map.tsx";
import { hasRunFacts, isLabelResult, isLabelsResult, isMapResult, isObjectsResult } from "./result_kinds.ts";
import "./results.css";

/** A model's answer drawn as what it is; null where only its JSON says it. `picture`: what was sent, where that was one. */
export function ResultView({ result, picture }: { result: unknown; picture?: Blob | undefined }) {
  const drawing = drawn(result, picture);
  if (!drawing) return null;
  return (
    <div class="result">
      {drawing}
      {hasRunFacts(result) && (
        <dl class="run-facts">
          <div>
            <dt>Model</dt>
            <dd>
              {result.model}/{result.model_version}
            </dd>
          </div>
          <div>
            <dt>Inference</dt>
            <dd>{milliseconds(result.infer_ms)}</dd>
          </div>
          <div>
            <dt>Waited</dt>
            <dd>{milliseconds(result.queue_ms)}</dd>
          </div>
          <div>
            <dt>Batch</dt>
            <dd>{result.batch_size}</dd>
          </div>
        </dl>
      )}
    </div>
  );
}

function drawn(result: unknown, picture: Blob | undefined) {
  if (isLabelResult(result)) return <OneLabel result={result} />;
  if (isLabelsResult(result)) return <SeveralLabels result={result} />;
  if (isObjectsResult(result)) return <FoundObjects result={result} picture={picture} />;
  if (isMapResult(result)) return <LandCoverMap key={result.map.blob} result={result} />;
  return null;
}

function OneLabel({ result }: { result: LabelResult }) {
  return (
    <>
      <p class="answer">
        <strong data-result-label>{result.label}</strong>
        <span>{percent(result.confidence)}</span>
      </p>
      <Bars scores={result.top} right={new Set([result.label])} />
    </>
  );
}

function SeveralLabels({ result }: { result: LabelsResult }) {
  const right = new Set(result.labels.map((each) => each.label));
  return (
    <>
      <p class="answer">
        <strong data-result-label>{result.labels.map((each) => each.label).join(", ") || "none"}</strong>
      </p>
      <Bars scores={result.top} right={right} />
    </>
  );
}

function Bars({ scores, right }: { scores: LabelScore[]; right: Set<string> }) {
  return (
    <ol class="bars" aria-label="Most likely labels">
      {scores.map((score) => (
        <li key={score.label} class={right.has(score.label) ? "bar-first" : undefined}>
          <span class="bar-label">{score.label}</span>
          <span class="bar-track" aria-hidden="true">
            <span class="bar-fill" style={{ width: `${Math.max(0.5, score.confidence * 100)}%` }} />
          </span>
          <span class="bar-value number">{percent(score.confidence)}</span>
        </li>
      ))}
    </ol>
  );
}
