import assert from "node:assert/strict";
import test from "node:test";
import { labelColors } from "../out/unit/results/label_colors.js";
import { isLabelResult, isLabelsResult, isObjectsResult } from "../out/unit/results/result_kinds.js";

test("a result is told by its members, also when nothing was found", () => {
  assert.ok(isObjectsResult({ objects: [], width: 2, height: 2 }));
  assert.ok(!isObjectsResult({ outputs: [] }));
  assert.ok(isLabelsResult({ labels: [], top: [] }));
  assert.ok(!isLabelsResult({ label: "7", top: [] }));
  assert.ok(isLabelResult({ label: "7", top: [] }));
});

test("objects of one label have one colour, neighbours others", () => {
  const colors = labelColors(["dog", "cat", "dog", "bird"]);
  assert.equal(colors.size, 3);
  assert.equal(new Set(colors.values()).size, 3);
  assert.ok(labelColors(Array.from({ length: 40 }, (_, i) => String(i))).get("39"));
});
