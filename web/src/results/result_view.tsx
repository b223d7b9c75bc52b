import { milliseconds, percent } from "../ui/format.ts";
import type { LabelResult } from "../api/types.ts";
import { LandCoverMap } from "./land_cover_map.tsx";
import { hasRunFacts, isLabelResult, isMapResult } from "./result_kinds.ts";
import "./results.css";

/** A model's answer drawn as what it is; null where only its JSON says it. */
export function ResultView({ result }: { result: unknown }) {
  const drawing = isLabelResult(result) ? <Bars result={result} /> : isMapResult(result) ? <LandCoverMap key={result.map.blob} result={result} /> : null;
  if (!drawing) return null;
  return (
    <div class="result">
      {drawing}
      {hasRunFacts(result) && (
        <dl class="run-facts">
          <div><dt>Model</dt><dd>{result.model}/{result.model_version}</dd></div>
          <div><dt>Inference</dt><dd>{milliseconds(result.infer_ms)}</dd></div>
          <div><dt>Waited</dt><dd>{milliseconds(result.queue_ms)}</dd></div>
          <div><dt>Batch</dt><dd>{result.batch_size}</dd></div>
        </dl>
      )}
    </div>
  );
}

function Bars({ result }: { result: LabelResult }) {
  return (
    <>
      <p class="answer">
        <strong data-result-label>{result.label}</strong>
        <span>{percent(result.confidence)}</span>
      </p>
      <ol class="bars" aria-label="Most likely labels">
        {result.top.map((score, index) => (
          <li key={score.label} class={index === 0 ? "bar-first" : undefined}>
            <span class="bar-label">{score.label}</span>
            <span class="bar-track" aria-hidden="true"><span class="bar-fill" style={{ width: `${Math.max(0.5, score.confidence * 100)}%` }} /></span>
            <span class="bar-value number">{percent(score.confidence)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
