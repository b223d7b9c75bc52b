import type { DeviceStatus } from "../api/types.ts";
import { stateNow } from "../shell/daemon.ts";
import { bytes } from "../ui/format.ts";
import { modelMemoryText } from "./device_text.ts";

/** The devices that models run on, each with a process of its own. */
export function DeviceList({ devices }: { devices: DeviceStatus[] }) {
  return (
    <ul class="devices" aria-label="Devices">
      {devices.map((each, index) => (
        <li key={`${each.device} ${index}`} data-device={each.device}>
          <b>{each.device}</b>
          <span class={`badge worker-${stateNow(each.state)}`}>
            <span class="badge-dot" aria-hidden="true" />
            {stateNow(each.state)}
          </span>
          <span class="number muted" title="What the loaded models take">
            {modelMemoryText(each)}
          </span>
          {each.model_budget_bytes > 0 && (
            <progress
              max={each.model_budget_bytes}
              value={Math.min(each.model_bytes, each.model_budget_bytes)}
              aria-label={`Models on ${each.device}: ${bytes(each.model_bytes)}`}
            />
          )}
          {each.reason && <small class="faint">{each.reason}</small>}
        </li>
      ))}
    </ul>
  );
}
