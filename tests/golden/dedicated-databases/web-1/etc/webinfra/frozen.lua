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

local function another_is_up(proxy)
  for _, server in pairs(core.proxies[proxy].servers) do
    if string.find(server:get_stats().status, "UP", 1, true) then return true end
  end
  return false
end

-- The application on this host, in the backend "app". That it is slow is no fault: checks wait behind visitors. So when a check has no answer within
-- a second, the kernel is asked whether the application was stopped; and a check that gives up counts only when no visitor had an answer either.
local UNIT = "/sys/fs/cgroup/system.slice/system-webinfra\\x2dapp.slice/webinfra-app@%s.service/cgroup."
local PATIENCE = 5
-- By server: answers to visitors until now, when the last came, and since when a check waits.
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
  for pid in lines(unit .. "procs") do
    for line in lines("/proc/" .. pid .. "/stat") do
      if string.find(line, "^.*%) [Tt] ") then return true end
    end
  end
  return false
end

local function look(name, server)
  local stats, last, now = server:get_stats(), seen[name] or { answers = 0, answered = 0 }, time()
  local answers = stats.hrsp_1xx + stats.hrsp_2xx + stats.hrsp_3xx + stats.hrsp_4xx + stats.hrsp_5xx
  local waits = string.find(stats.check_status, "* ", 1, true) and string.find(stats.status, "UP", 1, true)
  seen[name] = { answers = answers, answered = answers ~= last.answers and now or last.answered, waits = waits and (last.waits or now) }
  if waits and now - seen[name].waits > 1 and stopped(name) then
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
  -- It takes connections and says nothing. When no other server is left, all may be busy: what waits may still be answered.
  if state.check.reason.short ~= "L7TOUT" or another_is_up(data.proxy_name) then close(server, address) end
end)
