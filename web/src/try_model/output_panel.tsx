import { ResultView } from "../results/result_view.tsx";
import { Failure } from "../ui/failure.tsx";
import { milliseconds } from "../ui/format.ts";
import { JsonView } from "../ui/json_view.tsx";
import { Panel } from "../ui/panel.tsx";
import type { Trial } from "./trial.ts";

export function OutputPanel({ trial }: { trial: Trial }) {
  const result = trial.result.value;
  const failure = trial.failure.value;
  const input = trial.input.value;
  return (
    <Panel
      title="Result"
      actions={
        result !== undefined &&
        trial.roundTrip.value !== null && (
          <span class="muted panel-aside number">answered in {milliseconds(trial.roundTrip.value)}</span>
        )
      }
    >
      <div class={trial.busy.value ? "output output-busy" : "output"} aria-live="polite" aria-busy={trial.busy.value}>
        {failure !== undefined ? (
          <Failure failure={failure} {...(input && { retry: () => void trial.run(input) })} />
        ) : result !== undefined ? (
          <>
            <ResultView result={result} picture={input?.mediaType.startsWith("image/") ? input.content : undefined} />
            <details class="raw">
              <summary>As JSON</summary>
              <JsonView value={result} label="result" />
            </details>
          </>
        ) : (
          <p class="output-empty faint">
            {trial.busy.value ? "Running…" : "Choose an input; the answer appears here."}
          </p>
        )}
      </div>
    </Panel>
  );
}
