local watched = {}
for _, name in ipairs({ ... }) do watched[name] = true end

core.event_sub({ "SERVER_STATE" }, function(_, data)
  local check, server = data.state.check, data.reference
  if not watched[data.proxy_name] or check == nil or server == nil or not string.find(check.reason.short, "TOUT", 1, true) then
    return
  end
  local socket = core.tcp()
  socket:settimeout(2)
  if socket:connect("unix@/run/webinfra-cut.sock") then
    socket:send(server:get_addr() .. "\n")
    socket:receive("*a")
  end
  socket:close()
  core.msleep(500)
  if string.find(server:get_stats().status, "DOWN", 1, true) then
    server:shut_sess()
    for _, tracker in ipairs(server:get_trackers()) do tracker:shut_sess() end
  end
end)
