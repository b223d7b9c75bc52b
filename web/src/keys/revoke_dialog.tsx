import { useSignal } from "@preact/signals";
import type { AccessKey } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

interface RevokeDialogProps {
  target: AccessKey;
  onClose: () => void;
  onRevoke: (key: AccessKey) => Promise<void>;
}

export function RevokeDialog({ target, onClose, onRevoke }: RevokeDialogProps) {
  const busy = useSignal(false);
  const revoke = () => {
    busy.value = true;
    void onRevoke(target);
  };
  return (
    <Dialog title="Revoke this key?" onClose={onClose}>
      <p>
        Programs and sessions that use <b>{target.name}</b> are refused at once. This cannot be taken back.
      </p>
      <footer class="dialog-foot">
        <Button onClick={onClose}>Keep it</Button>
        <Button kind="danger" busy={busy.value} onClick={revoke}>
          Revoke
        </Button>
      </footer>
    </Dialog>
  );
}
