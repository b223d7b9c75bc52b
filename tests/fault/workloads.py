"""For each kind of crash point the workload that reaches it."""
from operating import Cancels, Drains, Expiries, Leases, Pauses, Purges, Recoveries, Replays, Retention
from scheduling import Schedules
from submitting import Batches, Checkpoints, DeadLetters, Flows, Releases, Retries, Submits, WideFlows

# The first that fits a point's name is its workload.
WORKLOADS = {
    "store.before_checkpoint": Checkpoints,
    "store.after_checkpoint": Checkpoints,
    "store.": Submits,
    # A single job that may begin at once is begun in the transaction that keeps it; those of a batch wait in line.
    "submit.before_arrival": Batches,
    "submit.": Submits,
    "claim.": Batches,
    "end.": Submits,
    "batch.": Batches,
    "retry.": Retries,
    "dead.": DeadLetters,
    "release.": Releases,
    "settle.": WideFlows,
    "flow.": Flows,
    "cancel.": Cancels,
    "replay.": Replays,
    "purge.": Purges,
    "expire.": Expiries,
    "lease.": Leases,
    "heartbeat.": Leases,
    "complete.": Leases,
    "queue.": Pauses,
    "drain.": Drains,
    "recovery.": Recoveries,
    "schedule.": Schedules,
    "retention.": Retention,
}


def workload_of(point):
    for prefix, workload in WORKLOADS.items():
        if point.startswith(prefix):
            return workload()
    raise LookupError(f"no workload reaches the crash point {point}: add one to workloads.py")
