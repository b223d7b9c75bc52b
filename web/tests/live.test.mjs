import assert from "node:assert/strict";
import test from "node:test";
import { EventParser } from "../out/unit/api/event_parser.js";

test("events come whole, however their bytes are cut", () => {
  const text =
    'retry: 1000\nid: 1\n\nid: 2\nevent: jobs.changed\ndata: {"more":0}\n\n:\nid: 3\n\nevent: end\ndata: {}\n\n';
  const wanted = [
    { type: "jobs.changed", data: '{"more":0}' },
    { type: "end", data: "{}" },
  ];
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new EventParser();
    const seen = [];
    for (let at = 0; at < text.length; at += size) seen.push(...parser.feed(text.slice(at, at + size)));
    assert.deepEqual(seen, wanted, `in pieces of ${size}`);
  }
});
