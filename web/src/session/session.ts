// Who is signed in. `undefined` while the daemon has not been asked yet, `null` when nobody is.
import { computed, signal } from "@preact/signals";
import { session as calls } from "../api/calls.ts";
import { ApiError, onSessionEnded } from "../api/http.ts";
import type { Role, SessionInfo } from "../api/types.ts";

export const session = signal<SessionInfo | null | undefined>(undefined);
/** Said above the form when a session ended by itself. */
export const signInNote = signal("");

const order: Role[] = ["viewer", "submitter", "operator", "admin"];

/** Whether the one signed in may do what needs this role. The daemon decides; this only hides what it would refuse. */
export function may(role: Role): boolean {
  const current = session.value;
  return !!current && order.indexOf(current.role) >= order.indexOf(role);
}

export const isAdmin = computed(() => may("admin"));

onSessionEnded.run = () => {
  if (!session.value) return;
  signInNote.value = "Your session ended. Sign in again to go on.";
  session.value = null;
};

export async function findSession(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      session.value = await calls.current();
      return;
    } catch (failure) {
      if (failure instanceof ApiError && failure.status < 500) {
        session.value = null;
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

export async function signIn(key: string): Promise<void> {
  session.value = await calls.signIn(key);
  signInNote.value = "";
}

export async function signOut(): Promise<void> {
  await calls.signOut();
  session.value = null;
}
