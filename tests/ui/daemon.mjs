// The daemon under test: a real one where MILLRACE_URL and MILLRACE_KEY (an admin's) name it, else the fake.
import { startFakeDaemon } from "./fake_daemon.mjs";

export const isReal = Boolean(process.env.MILLRACE_URL);

export async function daemonUnderTest(options) {
  if (!isReal) return startFakeDaemon(options);
  const { MILLRACE_URL: url, MILLRACE_KEY: key } = process.env;
  if (!key) throw new Error("MILLRACE_URL needs MILLRACE_KEY, a key of the role admin");
  return { url: url.replace(/\/$/, ""), key, stop: async () => undefined };
}
