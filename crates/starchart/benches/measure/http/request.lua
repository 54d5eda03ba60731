-- Sends requests of all users in turn. Arguments: a file with a line for each user (cookie, CSRF token, owner field of the record
-- form, separated by tabs), the method, the path, the value of Accept-Encoding, and a word that no other run has.

local requests, users = {}, {}
local at, made, run, path = 0, 0, "", ""

local function head(cookie)
  local headers = {
    ["Host"] = "names.school.example",
    ["X-Forwarded-Proto"] = "https",
    ["X-Forwarded-For"] = "203.0.113.7",
  }
  if cookie ~= "" then headers["Cookie"] = cookie end
  return headers
end

function init(args)
  local file, method, encodings
  file, method, path, encodings, run = args[1], args[2], args[3], args[4], args[5]
  for line in io.lines(file) do
    local cookie, token, owner = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)$")
    local headers = head(cookie)
    if method == "GET" then
      headers["Sec-Fetch-Site"] = "none"
      if encodings ~= "" then headers["Accept-Encoding"] = encodings end
      requests[#requests + 1] = wrk.format("GET", path, headers)
    else
      headers["Origin"] = "https://names.school.example"
      headers["Sec-Fetch-Site"] = "same-origin"
      headers["Content-Type"] = "application/x-www-form-urlencoded"
      users[#users + 1] = { headers = headers, form = "csrf_token=" .. token .. "&owner=" .. owner }
    end
  end
end

function request()
  if #requests > 0 then
    at = at % #requests + 1
    return requests[at]
  end
  at = at % #users + 1
  made = made + 1
  local user = users[at]
  local body = user.form .. "&type=A&value=192.0.2.1&subdomain=" .. run .. made
  return wrk.format("POST", path, user.headers, body)
end

-- requests, microseconds, octets, answers of 400 and more, other errors, p50 and p99 in microseconds
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format("measured %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
