"""Who works while things break."""
from crew import Crew
from operating import Cancels, Expiries, Leases, Replays
from submitting import Batches, DeadLetters, Flows, Retries, Submits, Uniques


def everybody(*more):
    """All kinds of work at once, and what else is wanted."""
    orders = Uniques()  # asked for by two, so that they meet
    return Crew(
        [
            Submits(),
            Submits(),
            Batches(),
            Retries(),
            DeadLetters(),
            Flows(),
            orders,
            orders,
            Cancels(),
            Expiries(),
            Leases(),
            Replays(),
            *more,
        ]
    )
