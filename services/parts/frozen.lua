local watched, cut = {}, {}
for _, name in ipairs({ ... }) do watched[name] = true end

local function time()
  local now = core.now()
  return now.sec + now.usec / 1e6
end

-- Has the kernel close the connections to a server, and shuts down what is left of them.
local function close(server, address)
  cut[address] = time()
  local socket = core.tcp()
  socket:settimeout(2)
  if socket:connect("unix@/run/webinfra-cut.sock") then
    socket:send(address .. "\n")
    socket:receive("*a")
  end
  socket:close()
  core.msleep(500)
  if string.find(server:get_stats().status, "DOWN", 1, true) then
    server:shut_sess()
    for _, tracker in ipairs(server:get_trackers()) do tracker:shut_sess() end
  end
end

-- The application on this host, in the backend "app". That it is slow is no fault: checks wait behind visitors. So when a check has no answer within
-- a second, the kernel is asked whether the application was stopped, some times, for a debugger stops it for a moment; and a check that gives up counts
-- only when no visitor had a good answer either.
local UNIT = "/sys/fs/cgroup/system.slice/system-webinfra\\x2dapp.slice/webinfra-app@%s.service/cgroup."
local PATIENCE = 5
local LOOKS = 3
-- By server: good answers to visitors until now, when the last came, since when a check waits, and how often the application was seen stopped since.
local seen = {}

local function lines(path)
  local file = io.open(path)
  local text = file and file:read("a") or ""
  if file then file:close() end
  return string.gmatch(text, "[^\n]+")
end

local function stopped(name)
  local unit = string.format(UNIT, name)
  for line in lines(unit .. "events") do
    if line == "frozen 1" then return true end
  end
  local found = false
  for pid in lines(unit .. "procs") do
    for line in lines("/proc/" .. pid .. "/stat") do
      found = string.find(line, "^.*%) [TtZ] ") ~= nil
      if not found then return false end
    end
  end
  return found
end

local function look(name, server)
  local stats, last, now = server:get_stats(), seen[name] or { answers = 0, answered = 0, looks = 0 }, time()
  local answers = stats.hrsp_2xx + stats.hrsp_3xx + stats.hrsp_4xx
  local serves = string.find(stats.status, "UP", 1, true) or string.find(stats.status, "DRAIN", 1, true)
  local since = serves and string.find(stats.check_status, "* ", 1, true) and (last.since or now)
  local looks = since and now - since > 1 and stopped(name) and last.looks + 1 or 0
  seen[name] = { answers = answers, answered = answers ~= last.answers and now or last.answered, since = since, looks = looks }
  if looks == LOOKS then
    server:check_force_down()
    close(server, server:get_addr())
  end
end

core.register_task(function()
  while core.backends.app do
    for name, server in pairs(core.backends.app.servers) do look(name, server) end
    core.msleep(250)
  end
end)

core.event_sub({ "SERVER_STATE" }, function(_, data)
  local state, server = data.state, data.reference
  if state.new_state ~= "STOPPED" or state.check == nil or server == nil then return end
  local timed_out = string.find(state.check.reason.short, "TOUT", 1, true)
  if data.proxy_name == "app" and timed_out and time() - seen[data.name].answered < PATIENCE then server:check_force_up() end
  if not watched[data.proxy_name] then return end
  local address = server:get_addr()
  -- Closing connections closes those of other backends' checks too, which then fail without a time-out.
  if not timed_out and time() - (cut[address] or 0) > 3 then return end
  close(server, address)
end)
