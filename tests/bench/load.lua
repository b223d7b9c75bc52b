-- Always the same request: what is measured is the server.
wrk.method = os.getenv("MILLRACE_METHOD") or "POST"
wrk.body = os.getenv("MILLRACE_BODY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("MILLRACE_KEY") or "")
local prefer = os.getenv("MILLRACE_PREFER")
if prefer then wrk.headers["Prefer"] = prefer end

done = function(summary, latency, requests)
    local seconds = summary.duration / 1e6
    local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    io.write(string.format('\nRESULT {"per_second": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
        summary.requests / seconds, latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
