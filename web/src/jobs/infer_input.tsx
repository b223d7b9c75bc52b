import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { blobs, models as calls } from "../api/calls.ts";
import type { Model } from "../api/model_types.ts";
import { sayFailed } from "../shell/toasts.ts";
import { Field } from "../ui/field.tsx";

/** Model and file of an infer job: the file is stored as a blob at once, and the payload names it. */
export function InferInput({ onPayload }: { onPayload: (payload: unknown) => void }) {
  const models = useSignal<Model[]>([]);
  const model = useSignal("");
  const blob = useSignal("");
  const note = useSignal("");

  const tell = () => onPayload({ model: model.value, input: { blob: blob.value } });
  useEffect(() => {
    const controller = new AbortController();
    calls
      .list(controller.signal)
      .then((page) => {
        models.value = page.data;
        model.value = page.data[0]?.name ?? "";
        tell();
      })
      .catch(sayFailed);
    return () => controller.abort();
  }, []);

  const store = async (file: File | undefined) => {
    if (!file) return;
    note.value = `Storing ${file.name}…`;
    try {
      blob.value = (await blobs.put(file)).sha256;
      note.value = `${file.name} is stored`;
      tell();
    } catch (failure) {
      note.value = "";
      sayFailed(failure);
    }
  };

  return (
    <div class="field-row field-row-two">
      <Field label="Model" id="model">
        <select
          id="model"
          class="select"
          value={model.value}
          onChange={(event) => {
            model.value = event.currentTarget.value;
            tell();
          }}
        >
          {models.value.map((each) => (
            <option key={each.name} value={each.name}>
              {each.name}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Input file" id="input-file" hint={note.value || "PNG, JPEG or .npy"}>
        <input
          id="input-file"
          class="input"
          type="file"
          accept="image/png,image/jpeg,.npy"
          onChange={(event) => void store(event.currentTarget.files?.[0])}
        />
      </Field>
    </div>
  );
}
