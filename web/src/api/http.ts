// The one way to the daemon: adds the header that writes with a cookie need, turns problem documents into
// ApiError, and keeps track of whether the daemon can be reached at all.
import { signal } from "@preact/signals";

export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  instance?: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;

  constructor(status: number, problem: ProblemDocument) {
    const title = problem.title ?? `The daemon answered ${status}`;
    super(problem.detail ? `${title}: ${problem.detail}` : title);
    this.status = status;
    this.title = title;
    this.detail = problem.detail ?? "";
    this.requestId = problem.instance ?? "";
  }
}

/** No answer came: the daemon is down, restarting, or the network is. */
export class Unreachable extends Error {
  constructor() {
    super("The daemon cannot be reached");
  }
}

/** False from the first request that got no answer until the next one that did. */
export const reachable = signal(true);

/** When the daemon said something last. */
export const lastHeard = signal(Date.now());

export function heard(): void {
  lastHeard.value = Date.now();
}

/** Called once for each answer that says the session is over. */
export const onSessionEnded: { run: () => void } = { run: () => undefined };

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  json?: unknown;
  body?: BodyInit;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Ask and sign in answer 401 as a matter of course: there it ends no session. */
  signInCall?: boolean;
}

export async function send(path: string, call: Call = {}): Promise<Response> {
  const method = call.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json", ...call.headers };
  let body = call.body;
  if (call.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(call.json);
  } else if (call.contentType) {
    headers["Content-Type"] = call.contentType;
  }
  if (method !== "GET") headers["X-Millrace-Request"] = "1";

  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-cache" };
  if (body !== undefined) init.body = body;
  if (call.signal) init.signal = call.signal;

  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (failure) {
    if (call.signal?.aborted) throw failure;
    reachable.value = false;
    throw new Unreachable();
  }
  const problem = response.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
  // A proxy in front answers for a daemon that is not there; the daemon's own 503 is a problem document.
  if (!problem && [502, 503, 504].includes(response.status)) {
    reachable.value = false;
    throw new Unreachable();
  }
  reachable.value = true;
  heard();
  if (response.ok) return response;
  if (response.status === 401 && !call.signInCall) onSessionEnded.run();
  throw new ApiError(response.status, problem ? await readProblem(response) : {});
}

async function readProblem(response: Response): Promise<ProblemDocument> {
  try {
    return (await response.json()) as ProblemDocument;
  } catch {
    return {};
  }
}

export async function json<T>(path: string, call: Call = {}): Promise<T> {
  const response = await send(path, call);
  return (await response.json()) as T;
}

export function query(parameters: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

export function isAbort(failure: unknown): boolean {
  return failure instanceof DOMException && failure.name === "AbortError";
}

/** For people: what went wrong, in one line and one paragraph. */
export function describe(failure: unknown): { title: string; detail: string } {
  if (failure instanceof ApiError) return { title: failure.title, detail: failure.detail };
  if (failure instanceof Unreachable)
    return { title: failure.message, detail: "It may be restarting. Try again in a moment." };
  return {
    title: "Something went wrong in this page",
    detail: failure instanceof Error ? failure.message : String(failure),
  };
}
