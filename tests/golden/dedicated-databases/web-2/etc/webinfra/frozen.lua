local watched, cut = {}, {}
for _, name in ipairs({ ... }) do watched[name] = true end

core.event_sub({ "SERVER_STATE" }, function(_, data)
  local state, server = data.state, data.reference
  if not watched[data.proxy_name] or state.new_state ~= "STOPPED" or state.check == nil or server == nil then return end
  local address, now = server:get_addr(), core.now().sec
  -- Closing connections closes those of other backends' checks too, which then fail without a time-out.
  if not string.find(state.check.reason.short, "TOUT", 1, true) and now - (cut[address] or 0) > 3 then return end
  cut[address] = now
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
end)
