"""The rival that uses pyroute2, as its users write it.

    main.py operations PREFIX COUNT
    main.py up|down N [ipv6]
    main.py counters sweep REPEATS
    main.py counters one REPEATS INDEX
"""

import sys
import time

from pyroute2 import IPRoute, netns


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e6


def print_samples(name, samples):
    print(name, *(f"{sample:.3f}" for sample in samples))


def series(name, count, work):
    print_samples(name, [timed(lambda n=n: work(n)) for n in range(count)])


def operations(prefix, count):
    ip = IPRoute()
    network = f"10.{ord(prefix)}"

    def namespace(n):
        netns.create(f"{prefix}n{n}")
        netns.remove(f"{prefix}n{n}")

    def veth(n):
        queues = {"num_tx_queues": 1, "num_rx_queues": 1}
        peer = {"ifname": f"{prefix}w{n}", **queues}
        ip.link("add", ifname=f"{prefix}v{n}", kind="veth", peer=peer, **queues)

    def up(n):
        index = ip.link_lookup(ifname=f"{prefix}v{n}")[0]
        ip.link("set", index=index, state="up")

    def route(n):
        ip.route("add", dst=f"{network}.128.{n}/32", gateway=f"{network}.0.250")

    series("namespace", count, namespace)
    netns.create(f"{prefix}last")
    series("veth", count, veth)
    series(
        "bridge",
        count,
        lambda n: ip.link("add", ifname=f"{prefix}b{n}", kind="bridge", state="up"),
    )
    bridge = ip.link_lookup(ifname=f"{prefix}b0")[0]
    series(
        "address",
        count,
        lambda n: ip.addr("add", index=bridge, address=f"{network}.0.{1 + n}", prefixlen=24),
    )
    series("route", count, route)
    series("up", count, up)


def make_endpoint(ip, bridge, n):
    name = f"vb-{n}"
    netns.create(name)
    peer = {"ifname": "eth0", "net_ns_fd": name}
    ip.link("add", ifname=f"vbh{n}", kind="veth", state="up", master=bridge, peer=peer)
    netns.pushns(name)
    try:
        with IPRoute() as inside:
            eth0 = inside.link_lookup(ifname="eth0")[0]
            inside.addr(
                "add", index=eth0, address=f"10.200.{1 + n // 250}.{1 + n % 250}", prefixlen=16
            )
            inside.link("set", index=eth0, state="up")
            inside.link("set", index=1, state="up")
            inside.route("add", dst="default", gateway="10.200.0.1")
    finally:
        netns.popns()


def set_up(count):
    ip = IPRoute()
    ip.link("add", ifname="vb", kind="bridge")
    bridge = ip.link_lookup(ifname="vb")[0]
    ip.addr("add", index=bridge, address="10.200.0.1", prefixlen=16)
    ip.link("set", index=bridge, state="up")
    for n in range(count):
        make_endpoint(ip, bridge, n)


def host_ends_are_left():
    with open("/proc/thread-self/net/dev", encoding="ascii") as devices:
        return "vbh" in devices.read()


def tear_down(count):
    ip = IPRoute()
    for n in range(count):
        netns.remove(f"vb-{n}")
    while host_ends_are_left():
        time.sleep(0.0005)
    ip.link("del", index=ip.link_lookup(ifname="vb")[0])


def counters(what, repeats, index):
    ip = IPRoute()

    def read():
        if what == "one":
            parts = ip.stats("get", ifindex=index, filter_mask=1)
        else:
            parts = ip.stats("dump", filter_mask=1)
        return [part.get_attr("IFLA_STATS_LINK_64") for part in parts]

    links = read()
    print_samples("read", [timed(read) for _ in range(repeats)])
    print("links", len(links))
    print("received", sum(link["rx_bytes"] for link in links))
    print("sent", sum(link["tx_bytes"] for link in links))


def main(what, *arguments):
    if what == "operations":
        operations(arguments[0], int(arguments[1]))
    elif what == "up":
        print_samples("up", [timed(lambda: set_up(int(arguments[0])))])
    elif what == "down":
        print_samples("down", [timed(lambda: tear_down(int(arguments[0])))])
    else:
        counters(arguments[0], int(arguments[1]), int((*arguments, 0)[2]))


main(*sys.argv[1:])
