import assert from "node:assert/strict";
import test from "node:test";
import { parseNpyHeader, readSeries } from "../out/unit/try_model/npy.js";
import { shrinkDrawing } from "../out/unit/try_model/drawing_pixels.js";
import { paintDate, vegetationColor } from "../out/unit/try_model/vegetation_colors.js";
import { classOfPixels, parseColor, standOut } from "../out/unit/results/map_classes.js";
import { hasRunFacts, isLabelResult, isMapResult } from "../out/unit/results/result_kinds.js";
import { mediaTypeOf } from "../out/unit/models/media_type.js";
import { accuracyText, inputText } from "../out/unit/models/model_text.js";

function npy(header, values) {
  const text = `${header.padEnd(117, " ")}\n`;
  const data = new Uint8Array(new Float32Array(values).buffer);
  const file = new Uint8Array(10 + text.length + data.length);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0]);
  file.set(new TextEncoder().encode(text), 10);
  file.set(data, 10 + text.length);
  return file.buffer;
}
const header = (shape) => `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;

test("a series of dates is read from an .npy file", () => {
  const series = readSeries(npy(header("(2, 1, 3)"), [0, 1, 2, 3, 4, 5]));
  assert.equal(series.dates, 2);
  assert.equal(series.columns, 3);
  assert.equal(series.values[5], 5);
  assert.equal(readSeries(npy(header("(1, 2, 1, 3)"), [0, 1, 2, 3, 4, 5])).dates, 2);
});

test("a file that is not one, is cut short or of another type is not drawn", () => {
  assert.equal(parseNpyHeader(new ArrayBuffer(4)), null);
  assert.equal(parseNpyHeader(new TextEncoder().encode("not an array at all").buffer), null);
  assert.equal(readSeries(npy(header("(2, 1, 4)"), [0, 1, 2])), null);
  assert.equal(readSeries(npy(header("(6,)"), [0, 1, 2, 3, 4, 5])), null);
  assert.equal(readSeries(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1), }", [0, 1])), null);
});

test("vegetation gets greener and stays within the colours", () => {
  const [red, green] = vegetationColor(0.85);
  assert.ok(green > red);
  for (const value of [-5, 0, 0.3, 7, Number.NaN]) {
    for (const part of vegetationColor(value)) assert.ok(part >= 0 && part <= 255);
  }
  assert.equal(paintDate(new Float32Array([0, 1]), 0, 2).length, 8);
});

test("a pixel's class is found by its colour, and the others fade", () => {
  const shares = [{ color: "#1b6b3a" }, { color: "#F2C14E" }];
  const rgba = new Uint8ClampedArray([0xf2, 0xc1, 0x4e, 255, 0x1b, 0x6b, 0x3a, 255, 1, 2, 3, 255]);
  const classes = classOfPixels(rgba, shares);
  assert.deepEqual([...classes], [1, 0, -1]);
  assert.deepEqual(
    [...standOut(rgba, classes, 1)].filter((_, index) => index % 4 === 3),
    [255, 50, 50],
  );
  assert.deepEqual(standOut(rgba, classes, null), rgba);
  assert.equal(parseColor("red"), null);
});

test("results are told apart, and anything else is none of them", () => {
  const facts = { model: "m", model_version: "1", batch_size: 1, queue_ms: 0.1, infer_ms: 0.2 };
  assert.ok(isLabelResult({ label: "7", top: [], ...facts }));
  assert.ok(isMapResult({ shares: [], map: { blob: "ab" } }));
  assert.ok(hasRunFacts(facts));
  for (const value of [null, 3, "x", {}, { label: 3, top: [] }, { shares: [], map: null }]) {
    assert.ok(!isLabelResult(value) && !isMapResult(value) && !hasRunFacts(value));
  }
});

test("a file's type is known by its name where the browser does not know it", () => {
  assert.equal(mediaTypeOf({ name: "A.PNG", type: "" }), "image/png");
  assert.equal(mediaTypeOf({ name: "patch.npy", type: "" }), "application/octet-stream");
  assert.equal(mediaTypeOf({ name: "x.jpeg", type: "image/jpeg" }), "image/jpeg");
});

test("a model's facts are put in words, also when it states none", () => {
  assert.equal(accuracyText({ held_out: 0.9889, samples: 360 }), "98.9 % of 360 held out");
  assert.equal(accuracyText(null), "not stated");
  assert.equal(inputText({ kind: "image", color: "gray", resize: [8, 8] }), "grey image, resized to 8 × 8");
  assert.equal(inputText({ kind: "tensor", datatype: "FP32", shape: [68, -1, -1] }), "FP32 tensor 68 × any × any");
});

test("a drawing is cut, scaled to fill and centred before it is shrunk", () => {
  const ink = new Uint8Array(100 * 100);
  for (let row = 60; row < 100; row += 1) ink.fill(255, row * 100 + 10, row * 100 + 20);
  const small = shrinkDrawing(ink, 100, 8, 8);
  const column = (at) => Array.from({ length: 8 }, (_, row) => small[row * 8 + at]);
  assert.deepEqual(column(3), Array(8).fill(255));
  assert.deepEqual(column(4), Array(8).fill(255));
  assert.deepEqual(column(1), Array(8).fill(0));
  assert.equal(shrinkDrawing(new Uint8Array(100 * 100), 100, 8, 8), null);
});
