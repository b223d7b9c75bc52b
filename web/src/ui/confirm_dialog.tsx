import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Failure } from "./failure.tsx";

interface ConfirmDialogProps {
  title: string;
  children: ComponentChildren;
  action: string;
  kind?: "primary" | "danger";
  onClose: () => void;
  /** What is refused stays in the dialog, with the reason. */
  run: () => Promise<void>;
}

export function ConfirmDialog({ title, children, action, kind = "primary", onClose, run }: ConfirmDialogProps) {
  const busy = useSignal(false);
  const failure = useSignal<unknown>(undefined);
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    failure.value = undefined;
    try {
      await run();
      onClose();
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="dialog-form" onSubmit={(event) => void submit(event)} noValidate>
        {children}
        {failure.value !== undefined && <Failure failure={failure.value} />}
        <footer class="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind={kind} type="submit" busy={busy.value}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
