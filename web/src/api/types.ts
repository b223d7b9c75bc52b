// The daemon's answers as this page reads them. Times are RFC 3339 UTC, ids UUIDv7, all names as on the wire.

export type Role = "viewer" | "submitter" | "operator" | "admin";

export interface SessionInfo {
  name: string;
  role: Role;
  organization: string;
}

export type JobState = "scheduled" | "blocked" | "queued" | "running" | "succeeded" | "dead" | "cancelled" | "expired";

export interface JobError {
  code: string;
  message: string;
}

export interface Attempt {
  attempt: number;
  started_at: string | null;
  ended_at: string | null;
  outcome: string | null;
  error?: JobError | null;
}

export interface TimelineEvent {
  at: string;
  event: string;
}

export interface Job {
  id: string;
  kind: string;
  queue: string;
  state: JobState;
  priority: number;
  payload: unknown;
  tags?: Record<string, string>;
  attempt: number;
  max_attempts: number;
  timeout_seconds?: number;
  created_at: string;
  run_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  progress_percent?: number;
  result: unknown;
  error: JobError | null;
  attempts?: Attempt[];
  timeline?: TimelineEvent[];
}

/** Why a job is not done, as the daemon says it. */
export interface Why {
  reason: string;
  sentence: string;
  remedy?: string;
  waits_for?: { id: string; state: JobState }[];
}

export interface Page<T> {
  data: T[];
  meta?: { next_cursor?: string | null };
}

export interface JobFilter {
  state?: string;
  kind?: string;
  queue?: string;
}

export interface NewJob {
  kind: string;
  queue: string;
  priority: number;
  payload: unknown;
  max_attempts?: number;
}

export interface SubmittedJob {
  id: string;
  state: JobState;
  queue?: string;
  position?: number;
}

export interface QueueDepth {
  name: string;
  queued: number;
  running: number;
  scheduled: number;
}

export type WorkerState = "ready" | "starting" | "restarting" | "unavailable";

export interface DeviceStatus {
  device: string;
  state: WorkerState | "stopped";
  restarts: number;
  model_bytes: number;
  /** 0: no limit. */
  model_budget_bytes: number;
  batches: number;
  reason?: string;
}

export interface WorkerStatus {
  state: WorkerState;
  pid?: number | null;
  restarts: number;
  runtime?: string;
  device?: string;
  threads?: number;
  in_flight?: number;
  models: string[];
  reason?: string;
  sandbox?: string;
  devices?: DeviceStatus[];
}

export interface Status {
  version: string;
  started_at: string;
  uptime_seconds: number;
  ready: boolean;
  reasons: string[];
  jobs: Record<JobState, number> & {
    rates: { submitted_per_second: number; finished_per_second: number };
  };
  queues: QueueDepth[];
  worker: WorkerStatus;
  store: { driver: string; schema_version: number; bytes: number };
  disk: { free_bytes: number };
}

interface RunFacts {
  model: string;
  model_version: string;
  batch_size: number;
  queue_ms: number;
  infer_ms: number;
}

export interface LabelScore {
  label: string;
  confidence: number;
}

export interface LabelResult extends RunFacts {
  label: string;
  confidence: number;
  top: LabelScore[];
}

export interface LabelsResult extends RunFacts {
  labels: LabelScore[];
  top: LabelScore[];
}

export interface FoundObject extends LabelScore {
  box: [number, number, number, number]; // x, y, width, height
}

export interface ObjectsResult extends RunFacts {
  objects: FoundObject[];
  width?: number; // of the picture that was sent
  height?: number;
}

export interface ClassShare {
  label: string;
  share: number;
  pixels: number;
  color: string;
}

export interface MapResult extends RunFacts {
  shares: ClassShare[];
  width: number;
  height: number;
  map: { blob: string; media_type: string };
}

export interface TensorResult extends RunFacts {
  outputs: { name: string; datatype: string; shape: number[]; data: number[] }[];
}

export interface Blob {
  sha256: string;
  size: number;
}

export interface AccessKey {
  id: string;
  name: string;
  role: Role;
  created_at: string;
  expires_at?: string | null;
  last_used_at?: string | null;
  revoked_at?: string | null;
}

export interface CreatedKey extends AccessKey {
  key: string;
}

export interface Example {
  name: string;
  model: string;
  url: string;
  media_type: string;
  label?: string;
}
