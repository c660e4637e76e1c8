-- For HAProxy a server is up until its first check has ended. Whoever asks for the application's health is not to be told so: after a host's start its
-- callers sent it writes that it had nobody for.
core.register_fetches("checked", function(_, backend)
  for _, server in pairs(core.backends[backend].servers) do
    local stats = server:get_stats()
    local checked = not string.find(stats.check_status or "INI", "INI", 1, true)
    if checked and string.find(stats.status, "UP", 1, true) then return true end
  end
  return false
end)
