import { useSignal } from "@preact/signals";
import { keys as calls } from "../api/calls.ts";
import { describe } from "../api/http.ts";
import type { CreatedKey, Role } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy_button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";

const roles: { role: Role; may: string }[] = [
  { role: "viewer", may: "look at everything" },
  { role: "submitter", may: "submit jobs and run models" },
  { role: "operator", may: "also manage models and queues" },
  { role: "admin", may: "everything, keys included" },
];

const lifetimes = [
  { days: 30, text: "in 30 days" },
  { days: 90, text: "in 90 days" },
  { days: 365, text: "in a year" },
  { days: 0, text: "never" },
];

export function CreateKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: () => void }) {
  const created = useSignal<CreatedKey | null>(null);
  if (created.value) return <Created created={created.value} onClose={onClose} />;
  return (
    <Form
      onClose={onClose}
      onCreated={(key) => {
        created.value = key;
        onCreated();
      }}
    />
  );
}

function Form({ onClose, onCreated }: { onClose: () => void; onCreated: (key: CreatedKey) => void }) {
  const name = useSignal("");
  const role = useSignal<Role>("submitter");
  const days = useSignal(90);
  const problem = useSignal("");
  const busy = useSignal(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (name.value.trim() === "") {
      problem.value = "Say what the key is for.";
      return;
    }
    busy.value = true;
    try {
      const expires = days.value === 0 ? null : new Date(Date.now() + days.value * 86_400_000).toISOString();
      onCreated(await calls.create(name.value.trim(), role.value, expires));
    } catch (failure) {
      const { title, detail } = describe(failure);
      problem.value = [title, detail].filter(Boolean).join(": ");
      busy.value = false;
    }
  };

  return (
    <Dialog title="Create a key" onClose={onClose}>
      <form class="dialog-form" onSubmit={submit} noValidate>
        <Field label="Name" id="key-name" problem={problem.value} hint="The program or person that will use it">
          <input
            id="key-name"
            class="input"
            autoFocus
            maxLength={100}
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
              problem.value = "";
            }}
          />
        </Field>
        <div class="field-row field-row-two">
          <Field label="Role" id="key-role" hint={`May ${roles.find((each) => each.role === role.value)?.may ?? ""}`}>
            <select
              id="key-role"
              class="select"
              value={role.value}
              onChange={(event) => {
                role.value = event.currentTarget.value as Role;
              }}
            >
              {roles.map((each) => (
                <option key={each.role} value={each.role}>
                  {each.role}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Expires" id="key-expires">
            <select
              id="key-expires"
              class="select"
              value={days.value}
              onChange={(event) => {
                days.value = Number(event.currentTarget.value);
              }}
            >
              {lifetimes.map((each) => (
                <option key={each.days} value={each.days}>
                  {each.text}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <footer class="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy.value}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Created({ created, onClose }: { created: CreatedKey; onClose: () => void }) {
  return (
    <Dialog title={`The key “${created.name}”`} onClose={onClose}>
      <p>Copy it now: it is shown this once and kept nowhere.</p>
      <div class="new-key">
        <code class="mono" data-new-key>
          {created.key}
        </code>
        <CopyButton text={created.key} label="Copy the key" />
      </div>
      <footer class="dialog-foot">
        <Button kind="primary" onClick={onClose}>
          I have copied it
        </Button>
      </footer>
    </Dialog>
  );
}
