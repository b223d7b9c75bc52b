import { useSignal } from "@preact/signals";
import type { Model, TrafficSetting, TrafficView } from "../api/model_types.ts";
import { Link } from "../routing/link.tsx";
import { may } from "../session/session.ts";
import { Button } from "../ui/button.tsx";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { PromoteDialog, RollBackDialog } from "./roll_out_dialogs.tsx";
import { TrafficDialog } from "./traffic_dialog.tsx";
import { fallbackOf, percentText, policyText, shares, trafficText } from "./traffic_text.ts";

interface TrafficPanelProps {
  model: Model;
  traffic: TrafficView;
  changed: () => void;
}

export function TrafficPanel({ model, traffic, changed }: TrafficPanelProps) {
  const fallback = fallbackOf(model, traffic);
  const [latest, ...earlier] = traffic.history;
  return (
    <Panel title="Traffic" actions={may("operator") && <Actions model={model} traffic={traffic} changed={changed} />}>
      <div class="traffic-bar" aria-hidden="true">
        {shares(traffic)
          .filter((share) => share.percent > 0)
          .map((share) => (
            <span key={share.role} class={`part-${share.role}`} style={{ flexGrow: share.percent }} />
          ))}
      </div>
      <dl class="parts">
        {shares(traffic).map((share) => (
          <div key={share.role} class={`part-${share.role}`} data-part={share.role}>
            <dt>
              <span class="badge-dot" aria-hidden="true" />
              {share.role}
            </dt>
            <dd>
              version {share.version}
              <b class="number">{percentText(share.percent)}</b>
            </dd>
          </div>
        ))}
        {traffic.shadow && (
          <div class="part-shadow" data-part="shadow">
            <dt>
              <span class="badge-dot" aria-hidden="true" />
              shadow
            </dt>
            <dd>
              version {traffic.shadow}
              <small class="faint">sees what production saw, never answers</small>
            </dd>
          </div>
        )}
        {fallback && (
          <div class="part-fallback" data-part="fallback">
            <dt>
              <span class="badge-dot" aria-hidden="true" />
              fallback
            </dt>
            <dd>
              <Link to={`/models/${encodeURIComponent(fallback.name.split("/")[0] ?? "")}`}>{fallback.name}</Link>
              <small class="faint">
                {fallback.byManifest
                  ? "named by the manifest; answers when production cannot"
                  : "answers when production cannot"}
              </small>
            </dd>
          </div>
        )}
      </dl>
      {traffic.candidate && <p class="traffic-note">{policyText(traffic.rollback)}</p>}
      {latest && (
        <p class="traffic-note" data-latest-setting>
          <Setting setting={latest} />
        </p>
      )}
      {earlier.length > 0 && (
        <details class="settings">
          <summary>Earlier settings</summary>
          <ol>
            {earlier.slice(0, 20).map((setting) => (
              <li key={setting.revision}>
                <span>{trafficText(setting.traffic)}</span>
                <small class="faint">
                  <Setting setting={setting} />
                </small>
              </li>
            ))}
          </ol>
        </details>
      )}
    </Panel>
  );
}

function Setting({ setting }: { setting: TrafficSetting }) {
  return (
    <>
      {setting.returned_to === null ? "Set" : "Rolled back"}
      {setting.set_by && ` by ${setting.set_by}`} <TimeAgo at={setting.set_at} />
      {setting.reason && `: ${setting.reason}`}
    </>
  );
}

function Actions({ model, traffic, changed }: TrafficPanelProps) {
  const open = useSignal<"traffic" | "promote" | "roll back" | null>(null);
  const onClose = () => {
    open.value = null;
  };
  return (
    <div class="panel-buttons">
      {traffic.candidate && (
        <Button
          size="small"
          onClick={() => {
            open.value = "promote";
          }}
        >
          Promote
        </Button>
      )}
      {traffic.history.length > 0 && (
        <Button
          size="small"
          onClick={() => {
            open.value = "roll back";
          }}
        >
          Roll back
        </Button>
      )}
      <Button
        size="small"
        onClick={() => {
          open.value = "traffic";
        }}
      >
        Change
      </Button>
      {open.value === "traffic" && (
        <TrafficDialog model={model} traffic={traffic} onClose={onClose} onChanged={changed} />
      )}
      {open.value === "promote" && (
        <PromoteDialog model={model} traffic={traffic} onClose={onClose} onChanged={changed} />
      )}
      {open.value === "roll back" && <RollBackDialog model={model} onClose={onClose} onChanged={changed} />}
    </div>
  );
}
