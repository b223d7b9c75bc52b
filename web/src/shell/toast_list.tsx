import { Link } from "../routing/link.tsx";
import { Icon } from "../ui/icon.tsx";
import { dismiss, toasts, type Toast } from "./toasts.ts";

// Two live regions that are always there: a screen reader only announces what changes inside one.
export function ToastList() {
  return (
    <div class="toasts">
      <div role="status" aria-live="polite">
        {toasts.value
          .filter((toast) => toast.kind === "done")
          .map((toast) => (
            <ToastCard key={toast.id} toast={toast} />
          ))}
      </div>
      <div role="alert" aria-live="assertive">
        {toasts.value
          .filter((toast) => toast.kind === "failed")
          .map((toast) => (
            <ToastCard key={toast.id} toast={toast} />
          ))}
      </div>
    </div>
  );
}

function ToastCard({ toast }: { toast: Toast }) {
  return (
    <div class={`toast toast-${toast.kind}`}>
      <Icon name={toast.kind === "done" ? "check" : "warning"} />
      <div class="toast-text">
        <strong>{toast.title}</strong>
        {toast.detail && <p>{toast.detail}</p>}
        {toast.link && <Link to={toast.link.to}>{toast.link.text}</Link>}
      </div>
      <button type="button" class="icon-button small" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
