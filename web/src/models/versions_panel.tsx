import type { Model, Traffic } from "../api/model_types.ts";
import { bytes, percent } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeAgo } from "../ui/time.tsx";
import { newestFirst } from "./figures.ts";
import { loadedText } from "./model_text.ts";
import { percentText, roleOf } from "./traffic_text.ts";

interface VersionsPanelProps {
  model: Model;
  traffic: Traffic;
  /** Whose facts stand beside the table. */
  chosen: string | undefined;
  choose: (version: string) => void;
}

export function VersionsPanel({ model, traffic, chosen, choose }: VersionsPanelProps) {
  return (
    <Panel title="Versions" flush>
      <div class="table-scroll">
        <table class="table table-small versions">
          <thead>
            <tr>
              <th>Version</th>
              <th>State</th>
              <th class="number">Accuracy</th>
              <th class="number phone-off">Size</th>
              <th class="number phone-off">Last used</th>
              <th class="number">Added</th>
            </tr>
          </thead>
          <tbody>
            {[...model.versions].sort(newestFirst).map((version) => (
              <tr
                key={version.version}
                data-version={version.version}
                class={version.version === chosen ? "row-chosen" : undefined}
              >
                <td>
                  <button
                    type="button"
                    class="version-name"
                    aria-pressed={version.version === chosen}
                    onClick={() => choose(version.version)}
                  >
                    {version.version}
                  </button>
                  <Role traffic={traffic} version={version.version} />
                </td>
                <td>
                  <span
                    class={`badge loaded-${version.state === "failed" ? "failed" : (version.loaded?.state ?? "absent")}`}
                    title={version.reason ?? version.loaded?.reason}
                  >
                    <span class="badge-dot" aria-hidden="true" />
                    {loadedText(version)}
                  </span>
                </td>
                <td class="number">
                  {version.accuracy?.held_out === undefined ? "–" : percent(version.accuracy.held_out)}
                </td>
                <td class="number phone-off">{version.size === undefined ? "–" : bytes(version.size)}</td>
                <td class="number phone-off">
                  <TimeAgo at={version.loaded?.used_at} />
                </td>
                <td class="number">
                  <TimeAgo at={version.created_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Role({ traffic, version }: { traffic: Traffic; version: string }) {
  const role = roleOf(traffic, version);
  if (!role) return null;
  const share = role === "candidate" && traffic.candidate ? ` ${percentText(traffic.candidate.percent)}` : "";
  return (
    <span class={`chip chip-accent part-${role}`}>
      {role}
      {share}
    </span>
  );
}
