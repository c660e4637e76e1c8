"""Paths on a host that more than one program knows."""

SETTINGS = "/etc/webinfra"
SECRETS = "/etc/webinfra/secrets"
CA = "/etc/webinfra/tls/ca.pem"
MACHINE = "/etc/webinfra/machine.env"
# The variables with which the application finds its database.
APPLICATION = "/etc/webinfra/app.env"

# The definition that this host was made from, a SHA-256: its bootstrap notes it.
DEFINITION = "/var/lib/webinfra/definition"
# The last good copy of the channel's documents.
CHANNEL = "/var/lib/webinfra/channel"
INVENTORY = f"{CHANNEL}/inventory"
PRIMARY_POINTER = f"{CHANNEL}/pointers/primary.json"
RELEASE_POINTER = f"{CHANNEL}/pointers/release.json"

# What is gone after a boot.
RUN = "/run/webinfra"
# How far the host is set up, in two lines: how it stands, and what is being done.
CONVERGE = f"{RUN}/converge"
# What the release program did last, for the agent.
RELEASE_STATUS = f"{RUN}/release.json"
# When the channel was read last, in seconds since the boot.
SYNCED = f"{RUN}/synced"
# Asks sync to read the channel whole at once.
PULL = f"{RUN}/pull"
# What the launcher keeps of the host package: the one that is good, and one that was refused.
PACKAGE = "/var/lib/webinfra/package.json"
# Why the launcher does not try the wanted one yet.
PACKAGE_WAITING = f"{RUN}/package-waiting"
# The settings that are in force, as they came; and what became of those that came last, for the agent.
APPLIED = "/var/lib/webinfra/settings.json"
SETTINGS_STATUS = f"{RUN}/settings.json"
# Asks the release program to start the application anew, though nothing changed.
START_ANEW = f"{RUN}/start-anew"
# The variables that settings give the application; beside it, `.blue` and `.green`, those that each of the two was started with.
ENVIRONMENT = f"{SECRETS}/app-environment"
# The variable that names the release; `.blue` and `.green` of it.
RELEASE_ENVIRONMENT = "/var/lib/webinfra/app-release"
# The key that secrets are sealed to for this host.
SEALING_KEY = f"{SECRETS}/sealing-key"
# Which of the two that take turns serves, and the release that it runs.
ACTIVE = "/var/lib/webinfra/active"
# Documents of the channel that were refused.
REFUSED = f"{RUN}/refused.json"
# What the database program says of itself, for the agent.
MEMBER = f"{RUN}/database.json"

# What the database program must not forget. It lives and dies with the data that it speaks of.
MEMORY = "/var/lib/mysql/webinfra.json"
# Where the release before kept that a server was fenced.
OLD_FENCE = "/var/lib/webinfra/fenced"
