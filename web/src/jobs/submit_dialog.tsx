import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { jobs as calls } from "../api/calls.ts";
import { describe } from "../api/http.ts";
import { sayDone } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { shortId } from "../ui/format.ts";
import { idempotencyKey } from "./idempotency_key.ts";
import { InferInput } from "./infer_input.tsx";

const kinds = [
  { name: "echo", says: "gives its payload back", payload: { hello: "world" } },
  { name: "sleep", says: "waits, and may fail first", payload: { seconds: 5, fail_times: 0 } },
  { name: "infer", says: "runs a model", payload: { model: "digits", input: { blob: "" } } },
] as const;
type Kind = (typeof kinds)[number]["name"];

interface SubmitDialogProps {
  onClose: () => void;
  onSubmitted: () => void;
}

export function SubmitDialog({ onClose, onSubmitted }: SubmitDialogProps) {
  const kind = useSignal<Kind>("echo");
  const queue = useSignal("default");
  const priority = useSignal(5);
  const attempts = useSignal("");
  const payload = useSignal(text(kinds[0].payload));
  const problem = useSignal("");
  const failure = useSignal("");
  const busy = useSignal(false);
  // One key as long as the dialog is open: pressing twice submits once.
  const key = useMemo(idempotencyKey, [kind.value, queue.value, priority.value, attempts.value, payload.value]);

  const choose = (next: Kind) => {
    kind.value = next;
    payload.value = text(kinds.find((each) => each.name === next)?.payload ?? {});
    problem.value = "";
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    let parsed: unknown;
    try {
      parsed = JSON.parse(payload.value);
    } catch (error) {
      problem.value = `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
      return;
    }
    busy.value = true;
    failure.value = "";
    try {
      const job = await calls.submit(
        {
          kind: kind.value,
          queue: queue.value.trim() || "default",
          priority: priority.value,
          payload: parsed,
          ...(attempts.value !== "" && { max_attempts: Number(attempts.value) }),
        },
        key,
      );
      sayDone(`Job ${shortId(job.id)} is ${job.state}`, { to: `/jobs/${job.id}`, text: "Open it" });
      onSubmitted();
      onClose();
    } catch (error) {
      const { title, detail } = describe(error);
      failure.value = [title, detail].filter(Boolean).join(": ");
    } finally {
      busy.value = false;
    }
  };

  return (
    <Dialog title="Submit a job" onClose={onClose}>
      <form class="dialog-form" onSubmit={submit}>
        <fieldset class="segments">
          <legend class="off-screen">Kind</legend>
          {kinds.map((each) => (
            <label key={each.name} class="segment">
              <input
                type="radio"
                name="kind"
                value={each.name}
                checked={kind.value === each.name}
                onChange={() => choose(each.name)}
              />
              <span>
                <b>{each.name}</b>
                <small>{each.says}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {kind.value === "infer" && (
          <InferInput
            onPayload={(value) => {
              payload.value = text(value);
              problem.value = "";
            }}
          />
        )}
        <Field label="Payload" id="payload" problem={problem.value} hint="JSON">
          <textarea
            id="payload"
            class="input mono"
            rows={6}
            spellcheck={false}
            value={payload.value}
            aria-invalid={problem.value !== ""}
            onInput={(event) => {
              payload.value = event.currentTarget.value;
              problem.value = "";
            }}
          />
        </Field>
        <div class="field-row">
          <Field label="Queue" id="queue">
            <input
              id="queue"
              class="input"
              value={queue.value}
              onInput={(event) => {
                queue.value = event.currentTarget.value;
              }}
            />
          </Field>
          <Field label="Priority" id="priority">
            <select
              id="priority"
              class="select"
              value={priority.value}
              onChange={(event) => {
                priority.value = Number(event.currentTarget.value);
              }}
            >
              {[9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((level) => (
                <option key={level} value={level}>
                  {level}
                  {level === 9 ? ", first" : level === 0 ? ", last" : ""}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Attempts" id="attempts">
            <input
              id="attempts"
              class="input"
              type="number"
              min={1}
              max={100}
              placeholder="default"
              value={attempts.value}
              onInput={(event) => {
                attempts.value = event.currentTarget.value;
              }}
            />
          </Field>
        </div>
        {failure.value && (
          <p class="notice notice-failed" role="alert">
            {failure.value}
          </p>
        )}
        <footer class="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy.value}>
            Submit
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function text(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
