import assert from "node:assert/strict";
import test from "node:test";
import { ago, bytes, duration, milliseconds, percent, rate, shape, shortId, words } from "../out/unit/ui/format.js";
import { niceTop, seriesPath } from "../out/unit/ui/series_path.js";
import { prettyJson } from "../out/unit/ui/pretty_json.js";
import { pixelSize } from "../out/unit/ui/pixel_size.js";
import { backOff } from "../out/unit/api/back_off.js";

test("bytes change unit before they need four digits", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(999), "999 B");
  assert.equal(bytes(1500), "1.5 kB");
  assert.equal(bytes(999_600), "1.0 MB");
  assert.equal(bytes(123_456_789_000), "123 GB");
});

test("durations read in the unit that fits", () => {
  assert.equal(duration(0.0421), "42 ms");
  assert.equal(duration(3.25), "3.3 s");
  assert.equal(duration(75), "1 min 15 s");
  assert.equal(duration(1800), "30 min");
  assert.equal(duration(3 * 86_400 + 7200), "3 d 2 h");
  assert.equal(milliseconds(0.42), "0.42 ms");
  assert.equal(milliseconds(1500), "1.5 s");
});

test("a tiny share is not shown as none, a nearly whole one not as less than it rounds to", () => {
  assert.equal(percent(0), "0.0 %");
  assert.equal(percent(0.0004), "<0.1 %");
  assert.equal(percent(0.9999), "100 %");
  assert.equal(percent(0.4567), "45.7 %");
});

test("a rate is a number also when it is not one", () => {
  assert.equal(rate(Number.NaN), "0");
  assert.equal(rate(0.01), "<0.1");
  assert.equal(rate(3.14), "3.1");
  assert.equal(rate(28_123.4), "28,123");
});

test("times are told from now, both ways", () => {
  assert.equal(ago(1_000_000, 1_000_500), "just now");
  assert.equal(ago(0, 90_000), "1 min ago");
  assert.equal(ago(10_000, 0), "in 10 s");
  assert.equal(ago(1000, 0), "just now");
});

test("names, shapes and ids are cut for people", () => {
  assert.equal(words("pixel_classification"), "Pixel classification");
  assert.equal(shape([68, -1, -1]), "68 × any × any");
  assert.equal(shortId("0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"), "…d9e01c55");
});

test("a short series is drawn at the right end and never above the top", () => {
  const { line } = seriesPath([0, 50], { width: 100, height: 10, capacity: 11, top: 10 });
  assert.equal(line, "M90.0 10.0L100.0 0.0");
  assert.equal(seriesPath([], { width: 100, height: 10, capacity: 11, top: 10 }).line, "");
});

test("the scale ends at a round number", () => {
  assert.equal(niceTop([]), 1);
  assert.equal(niceTop([3, 17]), 20);
  assert.equal(niceTop([1001]), 2000);
});

test("a picture's pixel is a whole number of screen pixels", () => {
  assert.equal(pixelSize(25, 101, 360, 408), 4);
  assert.equal(pixelSize(4000, 3000, 360, 408), 1);
});

test("JSON keeps its value, with short lists on one line", () => {
  const value = {
    shape: [68, -1, -1],
    nested: [{ a: null }],
    empty: {},
    none: [],
    text: 'with "quotes"',
    long: Array(60).fill(123),
  };
  const pretty = prettyJson(value);
  assert.deepEqual(JSON.parse(pretty), value);
  assert.ok(pretty.includes('"shape": [68, -1, -1]'));
  assert.ok(pretty.split("\n").every((line) => line.length < 100));
  assert.equal(prettyJson(undefined), "null");
});

test("a poller that fails waits longer each time, up to a limit, and is back at once after one success", () => {
  assert.equal(backOff(1000, 0, 0.9), 1000);
  assert.ok(backOff(1000, 3, 0.5) > backOff(1000, 1, 0.5));
  for (const interval of [1000, 5000]) assert.ok(backOff(interval, 50, 0.999) <= 3000);
});
