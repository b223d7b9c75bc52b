import assert from "node:assert/strict";
import test from "node:test";
import { active, comparable, labelRows, mean } from "../out/unit/models/figures.js";
import { formText, loadedText, signerText, trialText } from "../out/unit/models/model_text.js";
import {
  draftOf,
  draftProblem,
  fallbackOf,
  parseFallback,
  percentText,
  policyText,
  promoted,
  roleOf,
  shares,
  trafficOf,
  trafficText,
} from "../out/unit/models/traffic_text.js";
import { modelMemoryText, worthShowing } from "../out/unit/overview/device_text.js";

const policy = { min_samples: 20, max_error_rate_increase: 0.1, max_latency_ratio: 3 };
const traffic = {
  production: "1",
  candidate: { version: "2", percent: 12.5 },
  shadow: "3",
  fallback: { model: "small", version: "4" },
  rollback: policy,
};

test("production has what the candidate leaves", () => {
  assert.deepEqual(
    shares(traffic).map((share) => [share.role, share.version, share.percent]),
    [
      ["production", "1", 87.5],
      ["candidate", "2", 12.5],
    ],
  );
  assert.deepEqual(shares({ production: "1", candidate: null }), [{ role: "production", version: "1", percent: 100 }]);
  assert.deepEqual(shares({ production: null }), []);
  assert.equal(percentText(87.5), "87.5 %");
  assert.equal(percentText(100 - 0.1), "99.9 %");
  assert.deepEqual(
    ["1", "2", "3", "4"].map((version) => roleOf(traffic, version)),
    ["production", "candidate", "shadow", null],
  );
  assert.equal(trafficText(traffic), "version 1 answers, candidate 2 gets 12.5 %, shadow 3, fallback small/4");
});

test("a traffic that went through the form unchanged is the same, its policy too", () => {
  assert.deepEqual(trafficOf(draftOf(traffic), traffic), traffic);
  const byHand = { ...traffic, rollback: false };
  assert.equal(trafficOf(draftOf(byHand), byHand).rollback, false);
  assert.deepEqual(trafficOf({ ...draftOf(byHand), automatic: true }, byHand).rollback, {});
  const alone = trafficOf({ ...draftOf(traffic), candidate: "", shadow: "", fallback: " " }, traffic);
  assert.deepEqual([alone.candidate, alone.shadow, alone.fallback], [null, null, null]);
});

test("the form is told what is wrong before the daemon is asked", () => {
  assert.equal(draftProblem(draftOf(traffic)), "");
  assert.match(draftProblem({ ...draftOf(traffic), percent: Number.NaN }), /0 to 100/);
  assert.match(draftProblem({ ...draftOf(traffic), percent: 100.5 }), /0 to 100/);
  assert.match(draftProblem({ ...draftOf(traffic), shadow: "2" }), /different/);
  assert.equal(draftProblem({ ...draftOf(traffic), candidate: "", percent: Number.NaN }), "");
});

test("a promoted candidate answers alone, beside the same shadow and fallback", () => {
  const next = promoted({ ...traffic, history: [] });
  assert.deepEqual(next, {
    production: "2",
    candidate: null,
    shadow: "3",
    fallback: { model: "small", version: "4" },
    rollback: policy,
  });
});

test("a fallback is a model or one of its versions, and the traffic's goes before the manifest's", () => {
  assert.deepEqual(parseFallback(" small "), { model: "small" });
  assert.deepEqual(parseFallback("small/4"), { model: "small", version: "4" });
  assert.equal(parseFallback(""), null);
  const model = { versions: [{ version: "1", manifest: { fallback: { model: "tiny" } } }] };
  assert.deepEqual(fallbackOf(model, traffic), { name: "small/4", byManifest: false });
  assert.deepEqual(fallbackOf(model, { production: "1" }), { name: "tiny", byManifest: true });
  assert.equal(fallbackOf(model, { production: "2" }), null);
});

test("the policy is told with its figures, the usual ones where none are set", () => {
  assert.match(policyText(policy), /After 20 predictions .* 10 points .* 3 times/);
  assert.match(policyText(undefined), /After 100 predictions .* 2 points .* 2 times/);
  assert.match(policyText(false), /only by hand/);
});

const figures = (version, labels, other = 0) => ({
  version,
  role: null,
  predictions: 10,
  labels,
  other_labels: other,
  shadow: { compared: 0 },
  feedback: { count: 0 },
});

test("labels are shares of each version, the most given first and the rest together", () => {
  const rows = labelRows([figures("2", { a: 6, b: 3, c: 1 }), figures("1", { b: 1 }, 1), figures("3", {})], 2);
  assert.deepEqual(
    rows.map((row) => row.label),
    ["b", "a", "others"],
  );
  assert.deepEqual(rows[0].shares, [0.3, 0.5, null]);
  assert.deepEqual(rows[2].shares, [0.1, 0.5, null]);
  assert.deepEqual(labelRows([figures("1", {})], 5), []);
  assert.equal(labelRows([figures("1", { a: 1 })], 5).length, 1);
});

test("versions without a part and a past are left out, newest first", () => {
  const idle = { ...figures("10", {}), predictions: 0 };
  const shadow = { ...idle, version: "9", role: "shadow" };
  assert.deepEqual(
    comparable({ versions: [figures("2", {}), shadow, idle] }).map((each) => each.version),
    ["9", "2"],
  );
  const none = { success: { count: 0 }, failure: { count: 0 }, pending: 0 };
  const versions = [
    { version: "1", ...none },
    { version: "2", ...none, pending: 1 },
    { version: "10", ...none, cache: { hits: 1, misses: 0 } },
  ];
  assert.deepEqual(
    active({ versions }).map((each) => each.version),
    ["10", "2"],
  );
  assert.equal(mean({ count: 4, ms: 10 }), 2.5);
  assert.equal(mean({ count: 0, ms: 0 }), null);
});

test("a version's trial, form, signer and state are put in words, also those of an old one", () => {
  const trial = {
    runtime: "libtorch 2.13.0",
    load_ms: 120.4,
    forward_ms: 0.87,
    memory_bytes: 4_200_000,
    optimization: "frozen",
    note: "",
    precision: "bf16",
    channels_last: true,
    threads: 2,
    instances: 1,
  };
  const version = {
    version: "1",
    state: "ready",
    format: "torchscript",
    trial,
    loaded: { state: "ready", memory_bytes: 12_000_000 },
  };
  assert.equal(trialText(trial), "loaded in 120 ms, forward 0.87 ms, 4.2 MB");
  assert.equal(formText(version), "TorchScript, frozen, bf16, channels last, 1 × 2 threads");
  assert.equal(loadedText(version), "ready, 12.0 MB");
  assert.equal(signerText(version), "not signed");
  assert.equal(signerText({ signed_by: "1f0c" }), "1f0c");
  assert.match(signerText({ signed_by: null, signature: "abc" }), /not known/);
  assert.match(trialText(null), /no runtime/);
  assert.equal(formText({ trial: null }), "");
  assert.equal(loadedText({ state: "ready", loaded: { state: "absent", memory_bytes: 0 } }), "not loaded");
  assert.equal(loadedText({ state: "failed", loaded: { state: "absent" } }), "unusable");
});

test("devices are shown where there are several or a limit", () => {
  const device = { device: "cpu", model_bytes: 3_000_000, model_budget_bytes: 0 };
  assert.ok(!worthShowing([]) && !worthShowing([device]));
  assert.ok(worthShowing([device, device]));
  assert.ok(worthShowing([{ ...device, model_budget_bytes: 1 }]));
  assert.equal(modelMemoryText(device), "3.0 MB");
  assert.equal(modelMemoryText({ ...device, model_budget_bytes: 200_000_000 }), "3.0 MB of 200 MB");
});
