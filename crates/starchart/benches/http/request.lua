-- One request after another, each in the name of the next person. Arguments: a file with a person a line (cookie, token of the
-- forms, seal of the record's form, parted by tabs), the method, the path, the encodings that are taken, a word that no other
-- run has.

local requests, people = {}, {}
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
      people[#people + 1] = { headers = headers, form = "csrf_token=" .. token .. "&owner=" .. owner }
    end
  end
end

function request()
  if #requests > 0 then
    at = at % #requests + 1
    return requests[at]
  end
  at = at % #people + 1
  made = made + 1
  local person = people[at]
  local body = person.form .. "&type=A&value=192.0.2.1&subdomain=" .. run .. made
  return wrk.format("POST", path, person.headers, body)
end

-- requests, microseconds, octets, answers of 400 and more, other errors, p50 and p99 in microseconds
function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format("measured %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
