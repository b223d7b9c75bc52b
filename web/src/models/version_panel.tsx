import { useSignal } from "@preact/signals";
import { models as calls } from "../api/calls.ts";
import type { Model, ModelVersion } from "../api/model_types.ts";
import { may } from "../session/session.ts";
import { sayDone, sayFailed } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy_button.tsx";
import { bytes } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { accuracyText, formText, inputText, loadedText, signerText, trialText } from "./model_text.ts";
import { DeleteVersionDialog } from "./roll_out_dialogs.tsx";

interface VersionPanelProps {
  model: Model;
  version: ModelVersion;
  changed: () => void;
  deleted: () => void;
}

export function VersionPanel({ model, version, changed, deleted }: VersionPanelProps) {
  const { loaded, trial } = version;
  const reason = version.reason || loaded?.reason;
  return (
    <Panel title={`Version ${version.version}`}>
      {reason && <p class="worker-reason">{reason}</p>}
      <dl class="facts">
        <div>
          <dt>State</dt>
          <dd>{loadedText(version)}</dd>
        </div>
        <div>
          <dt>Last used</dt>
          <dd>
            <TimeAgo at={loaded?.used_at} />
          </dd>
        </div>
        <div>
          <dt>Accuracy</dt>
          <dd>{accuracyText(version.accuracy)}</dd>
        </div>
        {version.accuracy?.note && (
          <div class="facts-wide">
            <dt>Measured</dt>
            <dd>{version.accuracy.note}</dd>
          </div>
        )}
        <div>
          <dt>Input</dt>
          <dd>{inputText(version.input)}</dd>
        </div>
        <div>
          <dt>Runs as</dt>
          <dd>{formText(version) || "–"}</dd>
        </div>
        <div>
          <dt>Trial</dt>
          <dd>{trialText(trial)}</dd>
        </div>
        {trial?.runtime && (
          <div>
            <dt>Tried with</dt>
            <dd>{trial.runtime}</dd>
          </div>
        )}
        {trial?.note && (
          <div class="facts-wide">
            <dt>Note</dt>
            <dd>{trial.note}</dd>
          </div>
        )}
        <div>
          <dt>Size</dt>
          <dd class="number">{version.size === undefined ? "–" : bytes(version.size)}</dd>
        </div>
        <div>
          <dt>Added</dt>
          <dd>
            <TimeAgo at={version.created_at} />
          </dd>
        </div>
        <div>
          <dt>Signed by</dt>
          <dd class={version.signed_by ? "mono" : undefined}>{signerText(version)}</dd>
        </div>
        {version.sha256 && (
          <div class="facts-middle">
            <dt>Digest</dt>
            <dd class="mono" title={version.sha256}>
              {version.sha256.slice(0, 16)}…<CopyButton text={version.sha256} label="Copy the digest" />
            </dd>
          </div>
        )}
        {!!version.labels?.length && (
          <div class="facts-wide">
            <dt>Labels</dt>
            <dd class="labels">
              {version.labels.map((label) => (
                <span key={label} class="chip">
                  {label}
                </span>
              ))}
            </dd>
          </div>
        )}
      </dl>
      {may("operator") && <Actions model={model} version={version} changed={changed} deleted={deleted} />}
    </Panel>
  );
}

function Actions({ model, version, changed, deleted }: VersionPanelProps) {
  const busy = useSignal(false);
  const deleting = useSignal(false);
  const loaded = version.loaded?.state === "ready";
  const act = async () => {
    busy.value = true;
    try {
      const now = await (loaded ? calls.unload : calls.load)(model.name, version.version);
      sayDone(`Version ${version.version} of ${model.name}: ${loadedText(now)}`);
    } catch (failure) {
      sayFailed(failure);
    }
    busy.value = false;
    changed();
  };
  return (
    <div class="version-actions">
      {version.state === "ready" && (
        <Button size="small" busy={busy.value} onClick={() => void act()}>
          {loaded ? "Unload" : "Load"}
        </Button>
      )}
      <Button
        size="small"
        onClick={() => {
          deleting.value = true;
        }}
      >
        Delete
      </Button>
      {deleting.value && (
        <DeleteVersionDialog
          model={model}
          version={version.version}
          onClose={() => {
            deleting.value = false;
          }}
          onDeleted={deleted}
        />
      )}
    </div>
  );
}
