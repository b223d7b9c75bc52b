import type { JobState } from "../api/types.ts";
import { searchParameters, setSearchParameter } from "../routing/location.ts";
import { daemon } from "../shell/daemon.ts";

const states: JobState[] = ["queued", "running", "scheduled", "blocked", "succeeded", "dead", "cancelled", "expired"];
const kinds = ["echo", "sleep", "infer"];

export function JobFilters() {
  const chosen = searchParameters.value;
  const queue = chosen.get("queue") ?? "";
  const kind = chosen.get("kind") ?? "";
  const queues = [...new Set([...(daemon.value?.queues.map((each) => each.name) ?? []), ...(queue ? [queue] : [])])];
  const filtered = ["state", "kind", "queue"].some((name) => chosen.get(name));
  return (
    <div class="filters" role="search" aria-label="Filter jobs">
      <Choice name="state" label="State" options={states} chosen={chosen.get("state") ?? ""} />
      <Choice name="kind" label="Kind" options={[...new Set([...kinds, ...(kind ? [kind] : [])])]} chosen={kind} />
      <Choice name="queue" label="Queue" options={queues} chosen={queue} />
      {filtered && (
        <button type="button" class="link-button" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

function clear(): void {
  for (const name of ["state", "kind", "queue"]) setSearchParameter(name, "");
}

function Choice({ name, label, options, chosen }: { name: string; label: string; options: string[]; chosen: string }) {
  return (
    <label class={chosen ? "choice choice-set" : "choice"}>
      <span>{label}</span>
      <select class="select" value={chosen} onChange={(event) => setSearchParameter(name, event.currentTarget.value)}>
        <option value="">any</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}
