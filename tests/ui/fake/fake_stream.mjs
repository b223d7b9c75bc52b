// The event stream of the fake daemon: its status each second, and the jobs whose state or progress has changed.

const between = 250;
const statusEvery = 4; // of those

export function startStream(response, status, jobs) {
  const look = () => new Map(jobs().map((job) => [job.id, `${job.state} ${job.progress_percent}`]));
  const send = (type, data) => response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  let known = look();
  let turn = 0;
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
  });
  response.write("retry: 1000\nid: 1\n\n");
  const timer = setInterval(() => {
    const now = look();
    const changed = jobs().filter((job) => known.get(job.id) !== now.get(job.id));
    known = now;
    if (changed.length > 0) {
      const few = changed.length <= 100;
      const named = few ? changed.map(({ id, state }) => ({ id, state })) : [];
      send("jobs.changed", { type: "jobs.changed", jobs: named, more: few ? 0 : changed.length });
    }
    if (turn++ % statusEvery === 0) send("service.status", status());
  }, between);
  response.on("close", () => clearInterval(timer));
}
