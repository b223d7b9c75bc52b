-- Predictions of different pictures, one after the other: MILLRACE_PICTURES is a folder with 000.jpg, 001.jpg and so on. The
-- requests are written out once, so that wrk leaves the processors to the server.
local requests, turn = {}, 0

function init()
    local headers = {["Content-Type"] = "image/jpeg", ["Authorization"] = "Bearer " .. (os.getenv("MILLRACE_KEY") or "")}
    while true do
        local file = io.open(string.format("%s/%03d.jpg", os.getenv("MILLRACE_PICTURES"), #requests), "rb")
        if not file then break end
        requests[#requests + 1] = wrk.format("POST", nil, headers, file:read("*a"))
        file:close()
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

done = function(summary, latency)
    local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    io.write(string.format('\nRESULT {"per_second": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
        summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000, bad))
end
