import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { searchParameters } from "../routing/location.ts";
import { may } from "../session/session.ts";
import { sayFailed } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { Failure } from "../ui/failure.tsx";
import { count } from "../ui/format.ts";
import { Icon } from "../ui/icon.tsx";
import { PageHead } from "../ui/page_head.tsx";
import { JobFeed } from "./job_feed.ts";
import { JobFilters } from "./job_filters.tsx";
import { JobTable } from "./job_table.tsx";
import { SubmitDialog } from "./submit_dialog.tsx";

export function JobsPage() {
  const submitting = useSignal(false);
  const chosen = searchParameters.value;
  const filter = { state: chosen.get("state") ?? "", kind: chosen.get("kind") ?? "", queue: chosen.get("queue") ?? "" };
  const feed = useMemo(() => new JobFeed(filter), [filter.state, filter.kind, filter.queue]);
  useEffect(() => {
    feed.poller.start();
    return () => feed.poller.stop();
  }, [feed]);

  return (
    <>
      <PageHead title="Jobs">
        {may("submitter") && (
          <Button
            kind="primary"
            onClick={() => {
              submitting.value = true;
            }}
          >
            <Icon name="plus" />
            Submit a job
          </Button>
        )}
      </PageHead>
      <JobFilters />
      <List feed={feed} filtered={Object.values(filter).some((value) => value !== "")} />
      {submitting.value && (
        <SubmitDialog
          onClose={() => {
            submitting.value = false;
          }}
          onSubmitted={() => feed.poller.refresh()}
        />
      )}
    </>
  );
}

function List({ feed, filtered }: { feed: JobFeed; filtered: boolean }) {
  const loading = useSignal(false);
  const jobs = feed.jobs.value;
  const failure = feed.poller.failure.value;
  if (!jobs) {
    return failure ? (
      <Failure failure={failure} retry={() => feed.poller.refresh()} />
    ) : (
      <p class="loading" role="status">
        Reading jobs…
      </p>
    );
  }
  if (jobs.length === 0) {
    return filtered ? (
      <Empty title="No job matches">Change or clear the filters above.</Empty>
    ) : (
      <Empty title="No jobs yet">
        Submit one here, from the command line with <code>millrace job submit</code>, or over HTTP.
      </Empty>
    );
  }
  const more = async () => {
    loading.value = true;
    await feed.loadMore().catch(sayFailed);
    loading.value = false;
  };
  return (
    <>
      <div class="panel panel-flush">
        <JobTable jobs={jobs} />
      </div>
      <div class="list-foot">
        <span class="muted">
          {count(jobs.length)} shown{feed.nextCursor.value ? "" : ", that is all"}
        </span>
        {feed.nextCursor.value && (
          <Button busy={loading.value} onClick={() => void more()}>
            Load more
          </Button>
        )}
      </div>
    </>
  );
}
