import { useSignal } from "@preact/signals";
import { models as calls } from "../api/calls.ts";
import type { Model, Traffic } from "../api/model_types.ts";
import { sayDone } from "../shell/toasts.ts";
import { ConfirmDialog } from "../ui/confirm_dialog.tsx";
import { Field } from "../ui/field.tsx";
import { newestFirst } from "./figures.ts";
import { draftOf, draftProblem, settingOf, trafficOf, type TrafficDraft } from "./traffic_text.ts";

interface TrafficDialogProps {
  model: Model;
  /** As it is now; it may change while the dialog is open. */
  traffic: Traffic;
  onClose: () => void;
  onChanged: () => void;
}

export function TrafficDialog({ model, traffic, onClose, onChanged }: TrafficDialogProps) {
  const before = useSignal(settingOf(traffic)).value;
  const draft = useSignal<TrafficDraft>(draftOf(traffic));
  const now = draft.value;
  const set = (change: Partial<TrafficDraft>) => {
    draft.value = { ...draft.value, ...change };
  };
  const problem = draftProblem(now);
  const changedMeanwhile = JSON.stringify(before) !== JSON.stringify(settingOf(traffic));

  const run = async () => {
    if (problem) throw new Error(problem);
    await calls.setTraffic(model.name, trafficOf(now, before));
    sayDone(`The traffic of ${model.name} is set`);
    onChanged();
  };

  return (
    <ConfirmDialog title={`Traffic of ${model.name}`} action="Set traffic" onClose={onClose} run={run}>
      {changedMeanwhile && (
        <p class="notice" role="status">
          The traffic was changed meanwhile. Setting it replaces that.
        </p>
      )}
      <div class="field-row field-row-two">
        <VersionField
          id="traffic-production"
          label="Production"
          model={model}
          value={now.production}
          onChange={(production) => set({ production })}
        />
        <VersionField
          id="traffic-candidate"
          label="Candidate"
          model={model}
          value={now.candidate}
          nobody="none"
          onChange={(candidate) => set({ candidate })}
        />
      </div>
      {now.candidate && (
        <>
          <Field
            label="The candidate's share, in percent"
            id="traffic-percent"
            hint="The same sticky keys stay with it while the share grows"
          >
            <div class="share-inputs">
              <input
                type="range"
                min={0}
                max={100}
                step={1}
                aria-label="The candidate's share"
                value={now.percent}
                onInput={(event) => set({ percent: event.currentTarget.valueAsNumber })}
              />
              <input
                id="traffic-percent"
                class="input"
                type="number"
                min={0}
                max={100}
                step={0.01}
                value={Number.isNaN(now.percent) ? "" : now.percent}
                onInput={(event) => set({ percent: event.currentTarget.valueAsNumber })}
              />
            </div>
          </Field>
          <label class="check">
            <input
              type="checkbox"
              checked={now.automatic}
              onChange={(event) => set({ automatic: event.currentTarget.checked })}
            />
            Take it back by itself when it fails more often or is slower
          </label>
        </>
      )}
      <div class="field-row field-row-two">
        <VersionField
          id="traffic-shadow"
          label="Shadow"
          model={model}
          value={now.shadow}
          nobody="none"
          onChange={(shadow) => set({ shadow })}
        />
        <Field label="Fallback" id="traffic-fallback">
          <input
            id="traffic-fallback"
            class="input"
            placeholder="model or model/version"
            spellcheck={false}
            value={now.fallback}
            onInput={(event) => set({ fallback: event.currentTarget.value })}
          />
        </Field>
      </div>
      {problem && (
        <p class="field-problem" role="alert">
          {problem}
        </p>
      )}
    </ConfirmDialog>
  );
}

interface VersionFieldProps {
  id: string;
  label: string;
  model: Model;
  value: string;
  nobody?: string;
  onChange: (version: string) => void;
}

function VersionField({ id, label, model, value, nobody, onChange }: VersionFieldProps) {
  return (
    <Field label={label} id={id}>
      <select id={id} class="select" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {nobody && <option value="">{nobody}</option>}
        {[...model.versions].sort(newestFirst).map(({ version, state }) => (
          <option key={version} value={version}>
            version {version}
            {state === "failed" ? ", unusable" : ""}
          </option>
        ))}
      </select>
    </Field>
  );
}
