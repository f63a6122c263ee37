-- What wrk sends, and what it says at its end: one line of JSON.
-- PAUSE is how many milliseconds each connection rests between requests; without it there is none.
-- COOKIES names a file with a cookie a line, used in turn; without it there are none.

local requests, turn = {}, 0

function init(arguments)
  local file = os.getenv("COOKIES")
  if not file then
    requests[1] = wrk.format("GET")
    return
  end
  for cookie in io.lines(file) do
    -- Beside what the command line names.
    wrk.headers["Cookie"] = cookie
    requests[#requests + 1] = wrk.format("GET")
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

local pause = tonumber(os.getenv("PAUSE"))
if pause then
  -- Not all at once: each rest is half to one and a half of it.
  function delay()
    return math.random(math.floor(pause / 2), math.ceil(pause * 1.5))
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
