-- What wrk asks of an Images API that has images by the ids that are its arguments: at most a hundred times a second on
-- each connection, so that others have their turn. Prints how often each status came, and what came to nothing.
local requests = {}
local at = 0
local threads = {}
statuses = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local function get(path, headers)
    table.insert(requests, wrk.format("GET", path, headers))
  end
  for _, path in ipairs({
    "/healthcheck", "/v2/schemas/image", "/v2/images?limit=5", "/v2/images?tag=kept&sort=name:asc",
    "/v2/images?visibility=public", "/v1/images", "/v1/images/detail?limit=5",
  }) do
    get(path)
  end
  for _, id in ipairs(args) do
    get("/v2/images/" .. id)
    get("/v2/images/" .. id .. "/file")
    get("/v2/images/" .. id .. "/file", { Range = "bytes=100-199" })
    get("/v2/images/" .. id .. "/members")
    get("/v1/images/" .. id)
  end
end

function delay()
  return 10
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function response(status)
  statuses[tostring(status)] = (statuses[tostring(status)] or 0) + 1
end

function done(summary)
  for _, thread in ipairs(threads) do
    for status, times in pairs(thread:get("statuses")) do
      io.write(status, " ", times, "\n")
    end
  end
  local errors = summary.errors
  io.write("broken ", errors.connect + errors.read + errors.write + errors.timeout, "\n")
end
