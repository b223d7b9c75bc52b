import { useSignal } from "@preact/signals";
import { Icon } from "./icon.tsx";

/** Copies without the clipboard interface too, which browsers hide on plain HTTP beyond this machine. */
async function copy(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused: the older way below may still work.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const copied = useSignal(false);
  const run = async () => {
    copied.value = await copy(text);
    window.setTimeout(() => {
      copied.value = false;
    }, 1500);
  };
  return (
    <button type="button" class="icon-button small" aria-label={label} title={label} onClick={() => void run()}>
      <Icon name={copied.value ? "check" : "copy"} />
    </button>
  );
}
