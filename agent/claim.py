#!/usr/bin/python3
"""Claims the site's public address for this balancer: once when it can first serve pages, and whenever the address answers nobody.

That the newest balancer takes it over lets a replacement go by without a gap; that nothing else moves it lets an operator move it by hand.
"""

import http.client
import json
import os
import pathlib
import socket
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


def metadata(path, method="GET", **headers):
    request = urllib.request.Request(f"http://169.254.169.254/{path}", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=2) as answer:
        return answer.read().decode()


def held():
    """Whether the platform says that this machine has the address; asking the address itself may not work from here."""
    try:
        if SETTINGS["type"] == "digitalocean":
            return metadata("metadata/v1/reserved_ip/ipv4/active") == "true"
        token = metadata("latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return metadata("latest/meta-data/public-ipv4", **{"X-aws-ec2-metadata-token": token}) == SETTINGS["address"]
    except (OSError, ValueError):
        return False


def way_out():
    """Whether this host reaches the platform at all. One that lost the address may have no other for a while, and must not take its own silence for the site's."""
    host = "api.digitalocean.com" if SETTINGS["type"] == "digitalocean" else f"ec2.{SETTINGS['region']}.amazonaws.com"
    try:
        socket.create_connection((host, 443), timeout=2).close()
        return True
    except OSError:
        return False


def wanted(here, claimed, unanswered):
    """Whether to claim now. here: what this balancer answers; claimed: this machine has claimed before; unanswered: looks in a row."""
    if here is None:
        return False
    return unanswered >= LOOKS or (not claimed and here > 0)


def claim_aws(machine):
    # The claim itself changes this host's way to the API, and the answer may be lost: the next look finds it done, or claims again.
    limits = ["--cli-connect-timeout", "5", "--cli-read-timeout", "10"]
    command = ["aws", "ec2", "associate-address", *limits, "--region", SETTINGS["region"], "--allocation-id", SETTINGS["allocationId"]]
    subprocess.run([*command, "--instance-id", machine, "--allow-reassociation"], check=True, capture_output=True, text=True, timeout=60, env={**os.environ, "AWS_MAX_ATTEMPTS": "1"})


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
        mine = held()
        if mine and not CLAIMED.exists():
            CLAIMED.write_text(machine)
        # Asked for the way out first: a look that fails is worth something only when others could have answered it.
        silent = not mine and way_out() and balancer(SETTINGS["address"]) is None
        unanswered = unanswered + 1 if silent else 0
        claimed = CLAIMED.exists() and CLAIMED.read_text() == machine
        pause = 1
        if not mine and wanted(balancer("127.0.0.1"), claimed, unanswered):
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
