import { reachable } from "../api/http.ts";
import { pollEverythingNow } from "../api/poller.ts";

export function ConnectionBar() {
  return (
    <div role="status" aria-live="polite" class="connection-region">
      {!reachable.value && (
        <div class="connection-bar">
          <span class="pulse" aria-hidden="true" />
          <span>Connection to the daemon lost. What you see may be old; retrying…</span>
          <button type="button" class="link-button" onClick={pollEverythingNow}>
            Retry now
          </button>
        </div>
      )}
    </div>
  );
}
