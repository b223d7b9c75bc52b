import type { TimelineEvent } from "../api/types.ts";
import { duration, words } from "../ui/format.ts";
import { Panel } from "../ui/panel.tsx";
import { TimeOfDay } from "../ui/time.tsx";

export function TimelinePanel({ events }: { events: TimelineEvent[] }) {
  if (events.length === 0) return null;
  return (
    <Panel title="Timeline">
      <ol class="timeline">
        {events.map((event, index) => {
          const before = events[index - 1];
          const since = before ? (Date.parse(event.at) - Date.parse(before.at)) / 1000 : null;
          return (
            <li key={`${event.at}${event.event}`} class={`timeline-event event-${event.event.split(" ").at(-1)}`}>
              <span class="timeline-name">{words(event.event)}</span>
              <span class="timeline-since number">{since !== null && `+${duration(Math.max(0, since))}`}</span>
              <TimeOfDay at={event.at} />
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}
