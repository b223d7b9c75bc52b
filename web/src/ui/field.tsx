import type { ComponentChildren } from "preact";

interface FieldProps {
  label: string;
  id: string;
  children: ComponentChildren;
  hint?: string;
  problem?: string;
}

export function Field({ label, id, children, hint, problem }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {problem ? (
        <p class="field-problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      ) : (
        hint && <p class="field-hint">{hint}</p>
      )}
    </div>
  );
}
