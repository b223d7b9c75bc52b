"""Who may reach the rows of every organisation: the sources that name store::SystemSession, each with its reason.

What services do for whoever asks takes a store::OrganizationSession (store/sql.hpp), which reaches the rows of one
organisation. A new name in this list is a decision: the reason says why one organisation's session is not enough.
"""
import re

from rooms import ROOT

MAY_REACH_ALL = {
    # the daemon itself
    "app/daemon.cpp": "a write that proves the writer alive",
    "app/features/blob_feature.cpp": "a damaged file is an event of each of its owners",
    "app/features/model_feature.cpp": "a damaged file is an event of each of its owners",
    "app/features/queue_feature.cpp": "the configuration names the organisations of a command",
    # at a start, for the memory of all
    "identity/identity.cpp": "all keys are loaded",
    "identity/sessions.cpp": "a sign-in may end another organisation's oldest session",
    "models/registry/registry.cpp": "all versions are loaded",
    "models/statistics/version_stats.cpp": "the counts of all versions are loaded and saved together",
    "models/traffic/rollout_saving.cpp": "the contests of all models are loaded and saved together",
    # the queue is one for all
    "jobs/dispatch/dispatcher.cpp": "the queue is rebuilt",
    "jobs/dispatch/dispatcher_feed.cpp": "what was left to settle, whoever's it is",
    "jobs/dispatch/dispatcher_run.cpp": "a claim takes the next jobs, whoever's they are",
    "jobs/dispatch/dispatcher_time.cpp": "jobs expire, whoever's they are",
    "jobs/dispatch/dispatcher_workers.cpp": "a claim for an external worker",
    "jobs/dispatch/end_recorder.cpp": "the ends of one turn, whoever's they are",
    "jobs/leases/claiming.": "a claim takes the next jobs, whoever's they are",
    "jobs/leases/leases.cpp": "an end is written as the dispatcher's are",
    "jobs/ending/ending.": "ends are written for the dispatcher",
    "jobs/ending/attempt_ending.cpp": "ends are written for the dispatcher",
    "jobs/ending/settling.": "ends are written for the dispatcher",
    "jobs/ending/replay.cpp": "the count of a flow has no organisation in its key",
    "jobs/submission/submission.cpp": "the count of a flow has no organisation in its key",
    "jobs/schedules/schedule_runner.cpp": "the next schedules, whoever's they are",
    # housekeeping
    "jobs/retention.hpp": "old jobs go, whoever's they are",
    "jobs/ending/retention.cpp": "old jobs go, whoever's they are",
    "jobs/ending/sweeper.cpp": "old keys, events and totals go, whoever's they are",
    "jobs/ending/dead_letters.cpp": "the uses of blobs have no organisation in their key",
    "jobs/job_blobs.hpp": "old jobs go with their uses of blobs",
    "jobs/records/job_blobs.cpp": "old jobs go with their uses of blobs",
    "catalog/blob_sweeper.cpp": "old blobs go, whoever's they are",
    # what these ask of the tables
    "catalog/blob_catalog.": "the owners of a file",
    "catalog/blob_repository.": "for the sweeper",
    "events/event_log.": "events of any organisation, for the daemon",
    "events/feed.hpp": "names it in a comment",
    "identity/identity_repository.": "for the start",
    "jobs/ending/total_repository.": "for the dispatcher and the housekeeping",
    "jobs/flows/dependency_repository.": "for the dispatcher",
    "jobs/flows/flow_repository.": "for the housekeeping",
    "jobs/job_repository.hpp": "for the housekeeping",
    "jobs/leases/attempt_repository.": "for the dispatcher",
    "jobs/queues/queue_repository.": "for the start",
    "jobs/records/kept_keys.cpp": "for the housekeeping",
    "jobs/schedules/schedule_repository.": "for the runner of schedules",
    "models/model_repository.hpp": "for the start",
    "models/registry/model_repository.cpp": "for the start",
    "models/statistics/statistics_repository.": "for the start",
    "models/traffic/contest_repository.": "for the start",
    "models/traffic/traffic_repository.cpp": "for the start",
    "models/traffic_repository.hpp": "for the start",
}
REACHES_ALL = re.compile(r"\bSystemSession\b|\.system\(\)")


def sources():
    for file in sorted((ROOT / "src").rglob("*.?pp")):
        inside = str(file.relative_to(ROOT / "src"))
        if not inside.startswith("store/") and REACHES_ALL.search(file.read_text()):
            yield inside


def entry(file):
    """A name that ends in a dot stands for the header and the source."""
    both = file.rsplit(".", 1)[0] + "."
    return both if both in MAY_REACH_ALL else file


def test_only_those_in_the_list_reach_the_rows_of_every_organisation():
    unknown = [file for file in sources() if entry(file) not in MAY_REACH_ALL]
    assert not unknown, f"they take a store::OrganizationSession, or have a reason in {__file__}: {unknown}"


def test_the_list_names_nobody_who_does_not():
    assert set(MAY_REACH_ALL) - {entry(file) for file in sources()} == set()
