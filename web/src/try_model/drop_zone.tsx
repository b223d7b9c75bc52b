import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../ui/icon.tsx";

interface DropZoneProps {
  accept: string;
  hint: string;
  onFile: (file: File) => void;
}

/** A file by dropping, choosing or pasting; a label around the input, so the keyboard works as for any file input. */
export function DropZone({ accept, hint, onFile }: DropZoneProps) {
  const over = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const newest = useRef(onFile);
  newest.current = onFile;

  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const file = event.clipboardData?.files[0];
      if (file) newest.current(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    over.value = false;
    const file = event.dataTransfer?.files[0];
    if (file) onFile(file);
  };
  const choose = () => {
    const file = field.current?.files?.[0];
    if (file) onFile(file);
    // The same file again is a choice again.
    if (field.current) field.current.value = "";
  };

  return (
    <label
      class={over.value ? "drop-zone drop-zone-over" : "drop-zone"}
      onDrop={drop}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
    >
      <input ref={field} type="file" accept={accept} class="off-screen" onChange={choose} data-drop />
      <Icon name="upload" />
      <span>
        <b>Drop a file</b>, paste it, or <u>choose one</u>
      </span>
      <small>{hint}</small>
    </label>
  );
}
