-- An external worker with nothing to do: takes 100 jobs of a queue and completes them one by one.
local queue = os.getenv("MILLRACE_QUEUE")
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. os.getenv("MILLRACE_KEY")}
local tokens = {}
local take

function init()
    take = wrk.format("POST", "/api/v1/queues/" .. queue .. "/leases", headers, '{"worker":"bench","max":100,"wait_seconds":0,"lease_seconds":60}')
end

function request()
    local token = table.remove(tokens)
    if not token then return take end
    return wrk.format("POST", "/api/v1/leases/" .. token .. "/complete", headers, '{"result":{"done":true}}')
end

function response(status, _, body)
    if status >= 300 then return end
    for token in body:gmatch('"lease_token":"([^"]+)"') do tokens[#tokens + 1] = token end
end

done = function(summary, latency, requests)
    io.write(string.format('\nRESULT {"errors": %d}\n', summary.errors.status + summary.errors.timeout))
end
