#!/usr/bin/env python3
"""Compiles the same rules with palisade and with Aerleon, side by side, and prints seconds and their ratio.

    python3 -m venv venv && venv/bin/pip install aerleon
    cargo build --release
    python3 benches/aerleon.py target/release/palisade venv/bin/aclgen 10000

Both run as whole processes, from text to an nftables ruleset on disk: palisade without its proof, Aerleon without its
shade check, as neither has the other's. The rules are those of security groups: one remote prefix, one service, an
action, and a priority that says the order. Aerleon has no priorities, so its terms stand in the order in which
palisade's rules decide.
"""

import pathlib
import random
import subprocess
import sys
import tempfile
import time

SERVICES = [22, 53, 80, 123, 443, 1433, 3306, 3389, 5432, 6379, 8080, 9092]
LENGTHS = [16, 20, 22, 24, 24, 24, 26, 28, 32, 32]


def prefix(dice):
    length = dice.choice(LENGTHS)
    address = dice.randrange(1 << 24, 224 << 24) >> (32 - length) << (32 - length)
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"


def port(dice):
    kind = dice.randrange(10)
    if kind == 0:
        first = dice.randint(1024, 60_000)
        return f"{first}-{first + dice.randint(1, 1000)}"
    return str(dice.randint(1024, 65_535) if kind < 3 else dice.choice(SERVICES))


def rules(count):
    dice = random.Random(1)
    return [
        (
            dice.randint(1, 100),
            "deny" if dice.random() < 0.25 else "allow",
            "tcp" if dice.random() < 0.8 else "udp",
            "any" if dice.random() < 0.05 else prefix(dice),
            port(dice),
        )
        for _ in range(count)
    ]


def write_palisade(place, rules):
    lines = [f"    {priority} {verdict} {protocol} from {source} to port {port}"
             for priority, verdict, protocol, source, port in rules]
    head = "network prod = vpc\n\ngroup web {\n  kind basic\n  network prod\n  inner allow\n\n  in {\n"
    tail = "\n  }\n}\n\ninstance web-1 {\n  nic eth0 address 10.0.0.1 groups web\n}\n"
    (place / "policy.sg").write_text(head + "\n".join(lines) + tail)


def write_aerleon(place, rules):
    definitions, policies = place / "def", place / "policies" / "pol"
    definitions.mkdir()
    policies.mkdir(parents=True)
    sources = {source: f"N{at}" for at, source in enumerate(sorted({rule[3] for rule in rules} - {"any"}))}
    services = {(rule[2], rule[4]) for rule in rules}
    services = {service: f"S{at}" for at, service in enumerate(sorted(services))}
    networks = "".join(f"{name} = {source}\n" for source, name in sources.items())
    (definitions / "NETWORK.net").write_text(networks)
    ports = "".join(f"{name} = {port}/{protocol}\n" for (protocol, port), name in services.items())
    (definitions / "SERVICES.svc").write_text(ports)
    terms = ["header {\n  target:: nftables inet input\n}\n"]
    # Smaller numbers are stronger, and of one number deny is.
    for at, rule in enumerate(sorted(rules, key=lambda rule: (rule[0], rule[1] != "deny"))):
        _, verdict, protocol, source, port = rule
        source = "" if source == "any" else f"  source-address:: {sources[source]}\n"
        action = "accept" if verdict == "allow" else "deny"
        terms.append(f"term t{at} {{\n{source}  protocol:: {protocol}\n"
                     f"  destination-port:: {services[protocol, port]}\n  action:: {action}\n}}\n")
    (policies / "policy.pol").write_text("\n".join(terms))


def seconds(command, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        best = min(best, time.perf_counter() - start)
        if done.returncode != 0:
            sys.exit(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return best


def main():
    palisade, aclgen, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        same = rules(count)
        write_palisade(place, same)
        write_aerleon(place, same)
        ours, theirs = place / "ours", place / "theirs"
        theirs.mkdir()
        ours = seconds([palisade, "compile", "--target", "nftables", "--no-verify",
                        str(place / "policy.sg"), "-o", str(ours)], 5)
        theirs = seconds([aclgen, "--base_directory", str(place / "policies"),
                          "--definitions_directory", str(place / "def"),
                          "--output_directory", str(theirs)], 1)
        written = sum(1 for file in (place / "theirs").rglob("*") if file.is_file())
    if written == 0:
        sys.exit("aerleon wrote nothing")
    print(f"{count} rules: palisade {ours:.3f} s, aerleon {theirs:.2f} s, ratio {theirs / ours:.0f}")


if __name__ == "__main__":
    main()
