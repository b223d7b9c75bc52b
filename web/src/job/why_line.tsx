import { jobs as calls } from "../api/calls.ts";
import { usePoller } from "../api/poller.ts";
import { Link } from "../routing/link.tsx";
import { shortId } from "../ui/format.ts";

/** Why the job is not done, what to do about it, and the jobs it waits for. */
export function WhyLine({ id }: { id: string }) {
  const poller = usePoller(
    id,
    (signal) => calls.why(id, signal),
    () => 2000,
    () => true, // those before it in line count as well
  );
  const why = poller.data.value;
  if (!why) return null;
  return (
    <div class="why" role="status" data-reason={why.reason}>
      <p>{why.sentence}</p>
      {why.remedy && <p class="faint">{why.remedy}</p>}
      {why.waits_for && (
        <p>
          {why.waits_for.map((parent) => (
            <Link key={parent.id} to={`/jobs/${parent.id}`}>
              {shortId(parent.id)} ({parent.state})
            </Link>
          ))}
        </p>
      )}
    </div>
  );
}
