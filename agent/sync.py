#!/usr/bin/python3
"""Pulls the channel, turns the inventory into names, and nudges the units that read what changed.

A host that boots before the inventory is written waits for it here; when the channel is away, hosts keep what they have.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

SETTINGS = json.loads(pathlib.Path("/etc/webinfra/sync.json").read_text())
COPY = pathlib.Path("/var/lib/webinfra/channel")
SLOTS = pathlib.Path("/var/lib/webinfra/slots.json")
HOSTS = pathlib.Path("/etc/hosts")
SYNCED = pathlib.Path("/run/webinfra/synced")
VERSION = pathlib.Path("/run/webinfra/version")
BEGIN, END = "# webinfra begin", "# webinfra end"


def rclone(*arguments):
    command = ["rclone", "--config", "/etc/webinfra/rclone.conf", "--contimeout", "5s", "--timeout", "20s", "--retries", "1"]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def version():
    """The small object that changes after every change: a directory is read as it is, a bucket through rclone."""
    if "directory" in SETTINGS:
        return (pathlib.Path(SETTINGS["directory"]) / "version").read_text()
    # Not `cat`, which lists the bucket each time: that may not be allowed, and costs twelve times a read.
    rclone("copyto", "--ignore-times", "channel:version", str(VERSION))
    return VERSION.read_text()


def pull():
    """Copies what names and pointers come from. A bucket's host may list these two folders and no other."""
    if "directory" in SETTINGS:
        rclone("sync", "channel:", str(COPY), "--exclude", "/releases/**", "--exclude", "/kits/**")
    else:
        for folder in ("inventory", "pointers"):
            rclone("sync", f"channel:{folder}", str(COPY / folder))


def write(path, text):
    """Replaces a file at once, when its text is another."""
    if path.exists() and path.read_text() == text:
        return False
    fresh = path.with_name(path.name + ".webinfra-new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(path)
    return True


def machines():
    found = []
    for path in sorted((COPY / "inventory").glob("*.json")):
        entry = json.loads(path.read_text())
        found.append({**{key: entry[key] for key in ("machine", "name", "roles", "address")}, "standby": entry.get("standby", False)})
    return found


def number(name):
    digits = name.rsplit("-", 1)[-1]
    return int(digits) if digits.isdigit() else 0


def gets(machine, word, role):
    """Whether a machine has a slot of this word: passive web servers have theirs apart."""
    return role in machine["roles"] and (role != "webServer" or machine["standby"] == (word == "standby"))


def assign(remembered, listed, words, limits):
    """Gives each machine of a role a slot that it keeps while it lives: its own number when that is free, else the highest free one.

    remembered: {word: {machine: slot}}; listed: machines of the inventory; words: {word: role}; limits: {word: slots}.
    """
    slots = {}
    for word, role in words.items():
        here = [machine for machine in listed if gets(machine, word, role)]
        kept = {m["machine"]: remembered.get(word, {})[m["machine"]] for m in here if m["machine"] in remembered.get(word, {})}
        for machine in here:
            if machine["machine"] in kept:
                continue
            free = [slot for slot in range(1, limits[word] + 1) if slot not in kept.values()]
            if not free:
                print(f"no free slot for {machine['machine']} among {limits[word]} of {word}", file=sys.stderr)
                continue
            own = number(machine["name"])
            kept[machine["machine"]] = own if own in free else free[-1]
        slots[word] = kept
    return slots


def names(listed, slots, zone):
    """Lines of /etc/hosts: the host's own name and its slots."""
    lines = []
    for machine in listed:
        aliases = [f"{machine['name']}.{zone}"]
        for word, held in slots.items():
            if machine["machine"] in held:
                aliases.append(f"s{held[machine['machine']]}.{word}.{zone}")
        lines.extend(f"{machine['address']} {alias}" for alias in aliases)
    return lines


def write_names(lines):
    kept, inside = [], False
    for line in HOSTS.read_text().splitlines():
        if line == BEGIN:
            inside = True
        elif line == END:
            inside = False
        elif not inside:
            kept.append(line)
    return write(HOSTS, "\n".join([*kept, BEGIN, *lines, END]) + "\n")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def remembered():
    """The slots of last time; none when a power loss left half a file, which must not end all that follows."""
    try:
        return json.loads(SLOTS.read_text())
    except (OSError, ValueError):
        return {}


def apply():
    listed = machines()
    slots = assign(remembered(), listed, SETTINGS["words"], SETTINGS["slots"])
    write(SLOTS, json.dumps(slots))
    if write_names(names(listed, slots, SETTINGS["zone"])):
        print(f"{len(listed)} machines are listed")


def main():
    COPY.mkdir(parents=True, exist_ok=True)
    watched = {COPY / key: unit for key, unit in SETTINGS["nudges"].items()}
    seen, pulled, digests, complaint = None, 0, {path: None for path in watched}, None
    while True:
        try:
            now = version()
            # An entry that is deleted at the end of an update changes no version in a bucket.
            overdue = "pullSeconds" in SETTINGS and time.monotonic() - pulled > SETTINGS["pullSeconds"]
            if now != seen or overdue:
                pull()
                apply()
                seen, pulled = now, time.monotonic()
            SYNCED.touch()
            for path, unit in watched.items():
                fresh = digest(path)
                if fresh != digests[path] and fresh:
                    subprocess.run(["systemctl", "restart", "--no-block", unit], check=True)
                    digests[path] = fresh
            complaint = None
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            if str(error) != complaint:
                complaint = str(error)
                print(f"the channel cannot be read, keeping what is here: {error} {getattr(error, 'stderr', '') or ''}", file=sys.stderr)
        time.sleep(SETTINGS["seconds"])


if __name__ == "__main__":
    os.umask(0o022)
    main()
