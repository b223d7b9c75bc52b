import { useSignal } from "@preact/signals";
import { keys as calls } from "../api/calls.ts";
import { usePoller } from "../api/poller.ts";
import type { AccessKey } from "../api/types.ts";
import { isAdmin } from "../session/session.ts";
import { sayDone, sayFailed } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { now } from "../ui/clock.ts";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { Icon } from "../ui/icon.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { CreateKeyDialog } from "./create_key_dialog.tsx";
import { RevokeDialog } from "./revoke_dialog.tsx";
import "./keys.css";

export function KeysPage() {
  if (!isAdmin.value)
    return <Empty title="Only for admins">Keys are made and revoked with a key of the role admin.</Empty>;
  return <Keys />;
}

function Keys() {
  const poller = usePoller(
    "keys",
    (signal) => calls.list(signal),
    () => 10_000,
  );
  const creating = useSignal(false);
  const revoking = useSignal<AccessKey | null>(null);
  const keys = poller.data.value?.data;
  const failure = poller.failure.value;

  const revoke = async (key: AccessKey) => {
    try {
      await calls.revoke(key.id);
      sayDone(`The key “${key.name}” is revoked`);
    } catch (error) {
      sayFailed(error);
    }
    revoking.value = null;
    poller.refresh();
  };

  return (
    <>
      <PageHead title="Keys">
        <Button
          kind="primary"
          onClick={() => {
            creating.value = true;
          }}
        >
          <Icon name="plus" />
          Create a key
        </Button>
      </PageHead>
      {!keys ? (
        failure ? (
          <Failure failure={failure} retry={() => poller.refresh()} />
        ) : (
          <p class="loading" role="status">
            Reading keys…
          </p>
        )
      ) : (
        <KeyTable
          keys={keys}
          onRevoke={(key) => {
            revoking.value = key;
          }}
        />
      )}
      {creating.value && (
        <CreateKeyDialog
          onClose={() => {
            creating.value = false;
          }}
          onCreated={() => poller.refresh()}
        />
      )}
      {revoking.value && (
        <RevokeDialog
          target={revoking.value}
          onClose={() => {
            revoking.value = null;
          }}
          onRevoke={revoke}
        />
      )}
    </>
  );
}

function KeyTable({ keys, onRevoke }: { keys: AccessKey[]; onRevoke: (key: AccessKey) => void }) {
  return (
    <div class="panel panel-flush table-scroll">
      <table class="table key-table">
        <thead>
          <tr>
            <th>Name</th>
            <th>Role</th>
            <th class="number phone-off">Created</th>
            <th class="number phone-off">Last used</th>
            <th class="number">Expires</th>
            <th>
              <span class="off-screen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => {
            const over = ended(key, now.value);
            return (
              <tr key={key.id} class={over ? "key-over" : undefined} data-key={key.name}>
                <td class="wide">
                  <b>{key.name}</b>
                </td>
                <td>
                  <span class="chip">{key.role}</span>
                </td>
                <td class="number phone-off">
                  <TimeAgo at={key.created_at} />
                </td>
                <td class="number phone-off">
                  {key.last_used_at ? <TimeAgo at={key.last_used_at} /> : <span class="faint">never</span>}
                </td>
                <td class="number">
                  {over ?? (key.expires_at ? <TimeAgo at={key.expires_at} /> : <span class="faint">never</span>)}
                </td>
                <td class="number">
                  {!over && (
                    <Button size="small" onClick={() => onRevoke(key)}>
                      Revoke
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function ended(key: AccessKey, at: number): string | null {
  if (key.revoked_at) return "revoked";
  return key.expires_at && Date.parse(key.expires_at) <= at ? "expired" : null;
}
