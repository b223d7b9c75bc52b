import type { WorkerStatus } from "../api/types.ts";
import { Link } from "../routing/link.tsx";
import { count } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { stateNow } from "../shell/daemon.ts";
import { DeviceList } from "./device_list.tsx";
import { worthShowing } from "./device_text.ts";

const modelName = (model: string) => model.split("/")[0] ?? model;

export function WorkerPanel({ worker }: { worker: WorkerStatus }) {
  const state = stateNow(worker.state);
  return (
    <Panel
      title="Inference worker"
      actions={
        <span class={`badge worker-${state}`} data-worker={state}>
          <span class="badge-dot" aria-hidden="true" />
          {state}
        </span>
      }
    >
      {worker.reason && <p class="worker-reason">{worker.reason}</p>}
      <dl class="facts">
        <div>
          <dt>Runtime</dt>
          <dd>{worker.runtime || "–"}</dd>
        </div>
        <div>
          <dt>Device</dt>
          <dd>
            {worker.device ?? "–"}
            {worker.threads ? `, ${worker.threads} ${worker.threads === 1 ? "thread" : "threads"}` : ""}
          </dd>
        </div>
        <div>
          <dt>In flight</dt>
          <dd class="number">{count(worker.in_flight ?? 0)}</dd>
        </div>
        <div>
          <dt>Restarts</dt>
          <dd class="number">{count(worker.restarts)}</dd>
        </div>
        {worker.sandbox && (
          <div>
            <dt>Sandbox</dt>
            <dd>{worker.sandbox}</dd>
          </div>
        )}
        {!!worker.pid && (
          <div>
            <dt>Process</dt>
            <dd class="number">{worker.pid}</dd>
          </div>
        )}
        <div>
          <dt>Models</dt>
          <dd class="worker-models">
            {worker.models.length === 0 && <span class="faint">none loaded</span>}
            {worker.models.map((model) => (
              <Link key={model} to={`/models/${encodeURIComponent(modelName(model))}`} class="chip">
                {model}
              </Link>
            ))}
          </dd>
        </div>
      </dl>
      {worker.devices && worthShowing(worker.devices) && <DeviceList devices={worker.devices} />}
    </Panel>
  );
}
