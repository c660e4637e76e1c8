#!/usr/bin/python3
"""Starts HAProxy with a configuration of a role, and has its servers kept for one list of machines after another: more of them, other addresses, none.

argv: the configuration's path, the runtime socket's path. Ends with words when HAProxy did not take something, or would not start with it.
"""

import os
import subprocess
import sys

from webinfra import places
from webinfra.clock import BootClock
from webinfra.files import Disk
from webinfra.outside import Shell
from webinfra.proxies import Member, expand, running
from webinfra.proxy_keeper import ProxyKeeper, Settings
from webinfra.proxy_socket import ProxySocket

WORDS = ("web", "standby", "app", "db")


class Words:
    """What is said, and ends it all when it is a complaint."""

    def say(self, words):
        print(words)

    def complain(self, words):
        sys.exit(words)


def members(slots, net):
    return {word: [Member(slot, f"127.{net + at}.0.{slot}") for slot in slots] for at, word in enumerate(WORDS)}


def main(config, path):
    files, socket = Disk(), ProxySocket(path)
    files.write(places.MACHINE, "MACHINE_ID=m\nPRIVATE_ADDRESS=127.0.0.9\n")
    environment = {**os.environ, "MACHINE_ID": "m", "PRIVATE_ADDRESS": "127.0.0.9"}
    haproxy = subprocess.Popen(["haproxy", "-W", "-S", "/run/master.sock", "-f", config], env=environment)
    try:
        clock = BootClock()
        until = clock.now() + 20
        while not os.path.exists(path) and clock.now() < until:
            clock.sleep(0.05)
        keeper = ProxyKeeper(Settings(config, path), files, clock, Shell(environment), socket, Words())
        alone = {server.key for server in running(socket.tell("show servers state"))}
        for wanted in (members(range(1, 41), 1), members(range(20, 30), 1), members(range(20, 32), 11), members((), 1), members((1, 2), 1)):
            keeper.want(wanted)
            here = {server.key: (server.address, server.port) for server in running(socket.tell("show servers state")) if server.serves}
            right = {server.key: (server.address, server.port) for server in expand(files.read(config), wanted)[2]}
            there = {key: value for key, value in here.items() if key not in alone}
            if there != right:
                sys.exit(f"{config}: serves {there}, not {right}")
    finally:
        haproxy.terminate()
        haproxy.wait()
        files.remove(path)


main(sys.argv[1], sys.argv[2])
