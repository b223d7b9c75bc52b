// Models as this page reads them: versions, who answers, and what came of it.

export interface ModelInput {
  name?: string;
  kind: "image" | "tensor" | "text" | "row";
  datatype?: string;
  shape?: number[];
  color?: string;
  resize?: number[];
}

export interface Accuracy {
  held_out?: number;
  metric?: string;
  samples?: number;
  note?: string;
}

/** What loading and running a version once, before it was taken, found out. */
export interface TrialReport {
  runtime: string;
  load_ms: number;
  forward_ms: number;
  memory_bytes: number;
  optimization: string;
  note: string;
  precision?: string;
  channels_last?: boolean;
  threads?: number;
  instances?: number;
}

export type LoadedState = "absent" | "loading" | "ready" | "unloading" | "failed";

export interface Loaded {
  state: LoadedState;
  memory_bytes: number;
  used_at: string | null;
  reason?: string;
}

export interface ModelName {
  model: string;
  version?: string | null;
}

export interface ModelVersion {
  version: string;
  state: string;
  sha256?: string;
  size?: number;
  created_at: string;
  description?: string;
  accuracy?: Accuracy | null;
  labels?: string[];
  task: string;
  input?: ModelInput | null;
  reason?: string;
  format?: string;
  trial?: TrialReport | null;
  signed_by?: string | null;
  signature?: string | null;
  loaded?: Loaded;
  manifest?: { fallback?: ModelName | null };
}

export interface RollbackPolicy {
  min_samples?: number;
  max_error_rate_increase?: number;
  max_latency_ratio?: number;
}

/** The whole of it: what is not named is switched off. */
export interface Traffic {
  production: string | null;
  candidate?: { version: string; percent: number } | null;
  shadow?: string | null;
  fallback?: ModelName | null;
  rollback?: RollbackPolicy | boolean | null;
}

export interface TrafficSetting {
  revision: number;
  traffic: Traffic;
  set_by: string;
  set_at: string;
  reason: string | null;
  returned_to: number | null;
}

export interface TrafficView extends Traffic {
  /** The present one first. */
  history: TrafficSetting[];
}

export interface Model {
  name: string;
  production: string | null;
  traffic?: Traffic;
  versions: ModelVersion[];
}

interface Percentiles {
  mean: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface VersionFigures {
  version: string;
  role: "production" | "candidate" | "shadow" | null;
  predictions: number;
  errors: number;
  error_rate: number | null;
  fallbacks: number;
  latency_ms: Percentiles;
  own_ms: Percentiles;
  labels: Record<string, number>;
  other_labels: number;
  shadow: { compared: number; agreed: number; agreement: number | null };
  feedback: { count: number; correct: number; accuracy: number | null };
  breaker: "closed" | "open" | "half_open";
}

export interface Comparison {
  model: string;
  since: string;
  versions: VersionFigures[];
}

export interface Total {
  count: number;
  ms: number;
}

export interface VersionStatistics {
  version: string;
  last_inference: string | null;
  inference_count: number;
  execution_count: number;
  mean_batch: number;
  pending: number;
  success: Total;
  failure: Total;
  queue: Total;
  compute_input: Total;
  compute_infer: Total;
  compute_output: Total;
  cache?: { hits: number; misses: number; hit_rate: number };
}

export interface ModelStatistics {
  name: string;
  pending: number;
  versions: VersionStatistics[];
}
