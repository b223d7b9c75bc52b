import { useSignal } from "@preact/signals";
import { models as calls } from "../api/calls.ts";
import type { Model, Traffic } from "../api/model_types.ts";
import { sayDone } from "../shell/toasts.ts";
import { ConfirmDialog } from "../ui/confirm_dialog.tsx";
import { Field } from "../ui/field.tsx";
import { promoted } from "./traffic_text.ts";

interface RollOutDialogProps {
  model: Model;
  onClose: () => void;
  onChanged: () => void;
}

export function PromoteDialog({ model, traffic, onClose, onChanged }: RollOutDialogProps & { traffic: Traffic }) {
  const next = useSignal(promoted(traffic)).value;
  const former = useSignal(traffic.production).value;
  const run = async () => {
    await calls.setTraffic(model.name, next);
    sayDone(`Version ${next.production} is in production`);
    onChanged();
  };
  return (
    <ConfirmDialog
      title="Promote the candidate?"
      action={`Promote version ${next.production}`}
      onClose={onClose}
      run={run}
    >
      <p>
        Version <b>{next.production}</b> answers every request of {model.name}, instead of version {former}. A roll-back
        returns to it as long as it is kept.
      </p>
    </ConfirmDialog>
  );
}

export function RollBackDialog({ model, onClose, onChanged }: RollOutDialogProps) {
  const reason = useSignal("");
  const run = async () => {
    await calls.rollBack(model.name, reason.value.trim());
    sayDone(`The traffic of ${model.name} is rolled back`);
    onChanged();
  };
  return (
    <ConfirmDialog title="Roll back?" action="Roll back" kind="danger" onClose={onClose} run={run}>
      <p>The traffic returns to the setting before the present one; once more, to the one before that.</p>
      <Field label="Reason" id="roll-back-reason" hint="Kept in the history; may be left out">
        <input
          id="roll-back-reason"
          class="input"
          autoFocus
          maxLength={500}
          value={reason.value}
          onInput={(event) => {
            reason.value = event.currentTarget.value;
          }}
        />
      </Field>
    </ConfirmDialog>
  );
}

interface DeleteVersionDialogProps {
  model: Model;
  version: string;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteVersionDialog({ model, version, onClose, onDeleted }: DeleteVersionDialogProps) {
  const last = model.versions.length === 1;
  const run = async () => {
    await calls.deleteVersion(model.name, version);
    sayDone(`Version ${version} of ${model.name} is deleted`);
    onDeleted();
  };
  return (
    <ConfirmDialog title={`Delete version ${version}?`} action="Delete" kind="danger" onClose={onClose} run={run}>
      <p>
        Its file and its manifest are removed, and no roll-back can return to it.
        {last && (
          <>
            {" "}
            It is the last version: the model <b>{model.name}</b> goes with it.
          </>
        )}
      </p>
    </ConfirmDialog>
  );
}
