// Every call this page makes, by name.
import { json, query, send } from "./http.ts";
import type { Comparison, Model, ModelStatistics, ModelVersion, Traffic, TrafficView } from "./model_types.ts";
import type {
  AccessKey,
  Blob as StoredBlob,
  CreatedKey,
  Example,
  Job,
  JobFilter,
  NewJob,
  Page,
  Role,
  SessionInfo,
  Status,
  SubmittedJob,
  Why,
} from "./types.ts";

const api = "/api/v1";
const at = encodeURIComponent;

export const session = {
  current: () => json<SessionInfo>(`${api}/auth/session`, { signInCall: true }),
  signIn: (key: string) => json<SessionInfo>(`${api}/auth/login`, { method: "POST", json: { key }, signInCall: true }),
  signOut: () => send(`${api}/auth/logout`, { method: "POST", json: {}, signInCall: true }),
};

export const status = {
  read: (signal?: AbortSignal) => json<Status>(`${api}/status`, { ...(signal && { signal }) }),
};

export const jobs = {
  list: (filter: JobFilter, limit: number, cursor?: string | null, signal?: AbortSignal) =>
    json<Page<Job>>(`${api}/jobs${query({ ...filter, limit, cursor })}`, { ...(signal && { signal }) }),
  read: (id: string, signal?: AbortSignal) => json<Job>(`${api}/jobs/${at(id)}`, { ...(signal && { signal }) }),
  submit: (job: NewJob, idempotencyKey: string) =>
    json<SubmittedJob>(`${api}/jobs`, {
      method: "POST",
      json: job,
      headers: { "Idempotency-Key": idempotencyKey },
    }),
  why: (id: string, signal?: AbortSignal) => json<Why>(`${api}/jobs/${at(id)}/why`, { ...(signal && { signal }) }),
  cancel: (id: string) => send(`${api}/jobs/${at(id)}/cancel`, { method: "POST", json: {} }),
  retry: (id: string) => send(`${api}/jobs/${at(id)}/retry`, { method: "POST", json: {} }),
};

export const models = {
  list: (signal?: AbortSignal) => json<Page<Model>>(`${api}/models`, { ...(signal && { signal }) }),
  read: (name: string, signal?: AbortSignal) => json<Model>(`${api}/models/${at(name)}`, { ...(signal && { signal }) }),
  traffic: (name: string, signal?: AbortSignal) =>
    json<TrafficView>(`${api}/models/${at(name)}/traffic`, { ...(signal && { signal }) }),
  setTraffic: (name: string, traffic: Traffic) =>
    json<TrafficView>(`${api}/models/${at(name)}/traffic`, { method: "PUT", json: traffic }),
  rollBack: (name: string, reason: string) =>
    json<TrafficView>(`${api}/models/${at(name)}/rollback`, { method: "POST", json: reason ? { reason } : {} }),
  comparison: (name: string, signal?: AbortSignal) =>
    json<Comparison>(`${api}/models/${at(name)}/comparison`, { ...(signal && { signal }) }),
  statistics: (name: string, signal?: AbortSignal) =>
    json<ModelStatistics>(`${api}/models/${at(name)}/statistics`, { ...(signal && { signal }) }),
  load: (name: string, version: string) =>
    json<ModelVersion>(`${api}/models/${at(name)}/versions/${at(version)}/load`, { method: "POST", json: {} }),
  unload: (name: string, version: string) =>
    json<ModelVersion>(`${api}/models/${at(name)}/versions/${at(version)}/unload`, { method: "POST", json: {} }),
  deleteVersion: (name: string, version: string) =>
    send(`${api}/models/${at(name)}/versions/${at(version)}`, { method: "DELETE" }),
  predict: (name: string, input: Blob, mediaType: string, signal?: AbortSignal) =>
    json<unknown>(`${api}/models/${at(name)}/predict`, {
      method: "POST",
      body: input,
      contentType: mediaType,
      ...(signal && { signal }),
    }),
};

export const blobs = {
  put: (content: Blob) =>
    json<StoredBlob>(`${api}/blobs`, { method: "PUT", body: content, contentType: "application/octet-stream" }),
  read: async (sha256: string, mediaType: string, signal?: AbortSignal) => {
    const response = await send(`${api}/blobs/${at(sha256)}`, {
      headers: { Accept: mediaType },
      ...(signal && { signal }),
    });
    return new Blob([await response.arrayBuffer()], { type: mediaType });
  },
};

export const keys = {
  list: (signal?: AbortSignal) => json<Page<AccessKey>>(`${api}/keys`, { ...(signal && { signal }) }),
  create: (name: string, role: Role, expiresAt: string | null) =>
    json<CreatedKey>(`${api}/keys`, {
      method: "POST",
      json: { name, role, ...(expiresAt && { expires_at: expiresAt }) },
    }),
  revoke: (id: string) => send(`${api}/keys/${at(id)}`, { method: "DELETE" }),
};

export const examples = {
  list: async (signal?: AbortSignal) =>
    (await json<{ examples: Example[] }>("/examples/index.json", { ...(signal && { signal }) })).examples,
  read: async (example: Example, signal?: AbortSignal) => {
    const response = await send(example.url, { headers: { Accept: "*/*" }, ...(signal && { signal }) });
    return new Blob([await response.arrayBuffer()], { type: example.media_type });
  },
};
