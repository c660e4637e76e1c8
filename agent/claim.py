#!/usr/bin/python3
"""Claims the site's public address for this balancer: once when it can first serve pages, and whenever the address answers nobody.

That the newest balancer takes it over lets a replacement go by without a gap; that nothing else moves it lets an operator move it by hand.
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

SETTINGS = json.loads(pathlib.Path("/etc/webinfra/claim.json").read_text())
TOKEN = pathlib.Path("/etc/webinfra/secrets/address-token")
# Says which machine has claimed: an image made of one that did is another machine.
CLAIMED = pathlib.Path("/var/lib/webinfra/claimed")
# Looks in a row, a second apart, that find the address unanswered; seconds between two claims, for the platform takes a while.
LOOKS, AGAIN = 3, 15
API = "https://api.digitalocean.com/v2"


def balancer(address):
    """Web servers that a balancer at this address could send to; None when none answers there."""
    connection = http.client.HTTPConnection(address, 80, timeout=2)
    try:
        connection.request("GET", "/-/balancer")
        answer = connection.getresponse()
        return int(answer.getheader("X-Page-Servers", "0")) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wanted(here, claimed, unanswered):
    """Whether to claim now. here: what this balancer answers; claimed: this machine has claimed before; unanswered: looks in a row."""
    if here is None:
        return False
    return unanswered >= LOOKS or (not claimed and here > 0)


def claim_aws(machine):
    # The claim itself changes this host's way to the API, and the answer may be lost: the next look finds it done, or claims again.
    limits = ["--cli-connect-timeout", "5", "--cli-read-timeout", "10"]
    command = ["aws", "ec2", "associate-address", *limits, "--region", SETTINGS["region"], "--allocation-id", SETTINGS["allocationId"]]
    subprocess.run([*command, "--instance-id", machine, "--allow-reassociation"], check=True, capture_output=True, text=True, timeout=60)


def digitalocean(method, path, body=None):
    headers = {"Authorization": f"Bearer {TOKEN.read_text().strip()}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{API}{path}", data=data, headers=headers, method=method), timeout=20) as answer:
        return json.load(answer)


def claim_digitalocean(machine):
    path = f"/reserved_ips/{SETTINGS['address']}/actions"
    action = digitalocean("POST", path, {"type": "assign", "droplet_id": int(machine)})["action"]
    deadline = time.monotonic() + 60
    while action["status"] == "in-progress" and time.monotonic() < deadline:
        time.sleep(2)
        action = digitalocean("GET", f"{path}/{action['id']}")["action"]
    if action["status"] != "completed":
        raise ValueError(f"the platform answers {action['status']}")


CLAIMS = {"aws": claim_aws, "digitalocean": claim_digitalocean}


def main():
    machine = dict(line.split("=", 1) for line in pathlib.Path("/etc/webinfra/machine.env").read_text().split())["MACHINE_ID"]
    unanswered, complaint = 0, None
    while True:
        unanswered = unanswered + 1 if balancer(SETTINGS["address"]) is None else 0
        claimed = CLAIMED.exists() and CLAIMED.read_text() == machine
        pause = 1
        if wanted(balancer("127.0.0.1"), claimed, unanswered):
            pause = AGAIN
            try:
                CLAIMS[SETTINGS["type"]](machine)
                CLAIMED.write_text(machine)
                unanswered, complaint = 0, None
                print(f"claimed {SETTINGS['address']}")
            # A platform that is busy with the address (422) or away: again at the next look.
            except (OSError, ValueError, KeyError, subprocess.SubprocessError, urllib.error.URLError) as error:
                if str(error) != complaint:
                    complaint = str(error)
                    print(f"{SETTINGS['address']} cannot be claimed: {error} {getattr(error, 'stderr', '') or ''}", file=sys.stderr)
        time.sleep(pause)


if __name__ == "__main__":
    os.umask(0o022)
    main()
