import assert from "node:assert/strict";
import test from "node:test";
import { mergeHead, rereadPlan } from "../out/unit/jobs/merge_pages.js";
import { summarize } from "../out/unit/jobs/job_summary.js";
import { parseRoute } from "../out/unit/routing/route.js";

const job = (number, state = "queued") => ({
  id: `job-${number}`,
  created_at: `2026-01-01T00:00:${String(number).padStart(2, "0")}Z`,
  state,
});
const ids = (jobs) => jobs.map((each) => each.id);

test("new jobs come on top and older pages stay", () => {
  const merged = mergeHead([job(5), job(4), job(3), job(2)], [job(6), job(5), job(4)], false);
  assert.deepEqual(ids(merged), ["job-6", "job-5", "job-4", "job-3", "job-2"]);
});

test("a job that left the filter within the newest page goes", () => {
  const merged = mergeHead([job(5), job(4), job(3)], [job(5), job(3)], false);
  assert.deepEqual(ids(merged), ["job-5", "job-3"]);
});

test("a newest page with nothing after it is all there is", () => {
  assert.deepEqual(ids(mergeHead([job(5), job(4), job(1)], [job(5)], true)), ["job-5"]);
  assert.deepEqual(mergeHead([job(5)], [], true), []);
});

test("a job on screen takes its new state", () => {
  const [first] = mergeHead([job(5, "queued")], [job(5, "succeeded")], false);
  assert.equal(first.state, "succeeded");
});

test("every older job that still moves is read again, however many there are", () => {
  const many = Array.from({ length: 700 }, (_, number) => job(number, number % 3 === 0 ? "running" : "succeeded"));
  const plan = rereadPlan(many.slice(0, 300), 500, 10, 0);
  assert.deepEqual([plan.rows, plan.single], [298, []]);
  const far = new Set();
  for (let turn = 0; turn < 8; turn += 1) {
    const { rows, single } = rereadPlan(many, 500, 10, turn);
    assert.equal(rows, 499);
    assert.equal(single.length, 10);
    for (const each of single) far.add(each.id);
  }
  assert.equal(far.size, many.slice(500).filter((each) => each.state === "running").length);
  assert.deepEqual(rereadPlan([job(1, "dead")], 500, 10, 3), { rows: 0, single: [] });
});

test("a far job that is known to have changed is read first", () => {
  const many = Array.from({ length: 100 }, (_, number) => job(number, "running"));
  const changed = new Set(["job-77", "job-98", "job-3"]);
  const { single } = rereadPlan(many, 50, 4, 0, changed);
  assert.deepEqual(ids(single), ["job-77", "job-98", "job-50", "job-51"]);
});

test("a job says its answer in one line", () => {
  const infer = {
    kind: "infer",
    state: "succeeded",
    payload: { model: "digits" },
    result: { model: "digits", label: "7", confidence: 0.98 },
    error: null,
  };
  assert.equal(summarize(infer).text, "digits → 7 (98 %)");
  const map = {
    kind: "infer",
    state: "succeeded",
    payload: {},
    result: {
      model: "land_cover",
      shares: [
        { label: "grassland", share: 0.2 },
        { label: "forest", share: 0.8 },
      ],
    },
    error: null,
  };
  assert.equal(summarize(map).text, "land_cover → forest 80 % of the map");
  const dead = {
    kind: "sleep",
    state: "dead",
    payload: { seconds: 1 },
    result: null,
    error: { code: "failed", message: "told to fail" },
  };
  assert.deepEqual(summarize(dead), { kind: "failed", text: "told to fail" });
});

test("a summary survives a payload of any shape", () => {
  for (const payload of [null, undefined, 3, [], "text", {}]) {
    for (const kind of ["echo", "sleep", "infer", "other"]) {
      assert.equal(typeof summarize({ kind, state: "queued", payload, result: null, error: null }).text, "string");
    }
  }
});

test("paths mean pages", () => {
  assert.deepEqual(parseRoute("/"), { page: "overview" });
  assert.deepEqual(parseRoute("/jobs/abc"), { page: "job", id: "abc" });
  assert.deepEqual(parseRoute("/try/land_cover/"), { page: "try", model: "land_cover" });
  assert.deepEqual(parseRoute("/models/%E0%A4%A"), { page: "model", name: "%E0%A4%A" });
  assert.deepEqual(parseRoute("/jobs/"), { page: "jobs" });
  assert.deepEqual(parseRoute("/docs"), { page: "docs" });
  assert.deepEqual(parseRoute("/nowhere"), { page: "unknown" });
  assert.deepEqual(parseRoute("/jobs/a/b"), { page: "unknown" });
});
