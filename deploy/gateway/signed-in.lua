-- Asks the app who sent a request, before the site sees it: http-request lua.signed_in ADDRESS:PORT
--
-- Whatever is not a clear yes ends the request, with the app's own answer: a redirect to the sign-in for a page, otherwise 401 or 403.
-- This is /auth/forward, because a script can hand on what it says.

local SAID = { "remote-user", "remote-email", "remote-name", "remote-groups", "x-smartsheet-assertion" }

-- What the app needs to know of a request.
local PASSED = {
  "cookie", "accept", "sec-fetch-mode", "user-agent", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for", "x-request-id",
}

-- What the browser gets to see of the app's answer.
local HANDED_ON = { "location", "content-type", "cache-control", "content-security-policy", "x-content-type-options", "retry-after",
  "referrer-policy", "x-request-id", "vary" }

-- The app's cookies, which are no business of the site.
local COOKIES = { "^session$", "^flow$", "^signed%-out$", "^trial$", "^sign%-in%-", "^site" }

local function finish(txn, status, headers, body)
  local reply = txn:reply({ status = status })
  for name, value in pairs(headers) do
    reply:add_header(name, value)
  end
  reply:set_body(body)
  txn:done(reply)
end

-- All values of a header, as HAProxy's Lua has them, counted from 0.
local function values(headers, name)
  local found = {}
  local index = 0
  while headers[name] and headers[name][index] do
    found[#found + 1] = headers[name][index]
    index = index + 1
  end
  return found
end

-- The pairs of the Cookie headers without those of the app.
local function own_cookies(lines)
  local kept = {}
  for _, line in ipairs(lines) do
    for pair in line:gmatch("[^;]+") do
      pair = pair:match("^%s*(.-)%s*$")
      local name = pair:match("^([^=]*)"):match("^%s*(.-)%s*$"):gsub("^__Host%-", "")
      local is_app = false
      for _, pattern in ipairs(COOKIES) do
        is_app = is_app or name:match(pattern) ~= nil
      end
      if pair ~= "" and not is_app then
        kept[#kept + 1] = pair
      end
    end
  end
  return table.concat(kept, "; ")
end

local function signed_in(txn, app)
  local request = txn.http:req_get_headers()
  local asked = { ["x-forwarded-method"] = { txn.sf:method() }, ["x-forwarded-uri"] = { txn.sf:url() } }
  for _, name in ipairs(PASSED) do
    local found = values(request, name)
    if #found > 0 then
      asked[name] = found
    end
  end
  local client = core.httpclient()
  -- In milliseconds. An app that does not answer is asked four times, so a request waits for 16 seconds at most.
  local answer = client:get({ url = "http://" .. app .. "/auth/forward", headers = asked, timeout = 4000 })
  -- HAProxy itself answers 503 when the app can't be reached.
  if not answer or answer.status ~= 200 then
    local headers = {}
    for _, name in ipairs(HANDED_ON) do
      headers[name] = answer and answer.headers and values(answer.headers, name)[1]
    end
    local status = answer and answer.status or 503
    -- Anything odd, such as no status at all, is no yes.
    if status < 300 or status > 599 then
      status = 503
    end
    return finish(txn, status, headers, answer and answer.body or "")
  end
  local said = {}
  for _, name in ipairs(SAID) do
    local found = values(answer.headers, name)
    if #found ~= 1 then
      return finish(txn, 503, {}, "")
    end
    said[name] = found[1]
  end
  for name, value in pairs(said) do
    txn.http:req_set_header(name, value)
  end
  local cookies = own_cookies(values(request, "cookie"))
  txn.http:req_del_header("cookie")
  if cookies ~= "" then
    txn.http:req_add_header("cookie", cookies)
  end
end

core.register_action("signed_in", { "http-req" }, signed_in, 1)
