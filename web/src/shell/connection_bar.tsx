import { lastHeard, reachable } from "../api/http.ts";
import { pollEverythingNow } from "../api/poller.ts";
import { localNow } from "../ui/clock.ts";
import { duration } from "../ui/format.ts";

export function ConnectionBar() {
  return (
    <div role="status" aria-live="polite" class="connection-region">
      {!reachable.value && (
        <div class="connection-bar">
          <span class="pulse" aria-hidden="true" />
          <span>
            No connection to the daemon. <Age />
          </span>
          <button type="button" class="link-button" onClick={pollEverythingNow}>
            Retry now
          </button>
        </div>
      )}
    </div>
  );
}

/** Said by sight alone: a reader that speaks would speak each second. */
function Age() {
  const seconds = Math.max(1, Math.floor((localNow.value - lastHeard.value) / 1000));
  return (
    <span aria-live="off">What you see is {seconds < 60 ? `${seconds} s` : duration(seconds)} old; retrying…</span>
  );
}
