import type { Status } from "../api/types.ts";
import { now } from "../ui/clock.ts";
import { bytes, duration } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";

export function StoragePanel({ status }: { status: Status }) {
  const up = now.value / 1000 - Date.parse(status.started_at) / 1000;
  return (
    <Panel title="Daemon">
      <dl class="facts">
        <div>
          <dt>Version</dt>
          <dd>{status.version}</dd>
        </div>
        <div>
          <dt>Up</dt>
          <dd>{duration(up >= 0 ? up : status.uptime_seconds)}</dd>
        </div>
        <div>
          <dt>Store</dt>
          <dd>
            {status.store.driver}, schema {status.store.schema_version}
          </dd>
        </div>
        <div>
          <dt>Store size</dt>
          <dd class="number">{bytes(status.store.bytes)}</dd>
        </div>
        <div>
          <dt>Disk free</dt>
          <dd class="number">{bytes(status.disk.free_bytes)}</dd>
        </div>
      </dl>
    </Panel>
  );
}
