import type { JobState } from "../api/types.ts";

export function StateBadge({ state }: { state: JobState }) {
  return (
    <span class={`badge state-${state}`} data-state={state}>
      <span class="badge-dot" aria-hidden="true" />
      {state}
    </span>
  );
}
