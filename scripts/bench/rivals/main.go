// The rival that uses vishvananda/netlink, as its users write it.
//
//	main operations PREFIX COUNT
//	main up|down N [ipv6]
//	main counters sweep REPEATS | main counters one REPEATS INDEX
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(argument int) int {
	value, err := strconv.Atoi(os.Args[argument])
	must(err)
	return value
}

func printSamples(name string, samples []float64) {
	fmt.Print(name)
	for _, sample := range samples {
		fmt.Printf(" %.3f", sample)
	}
	fmt.Println()
}

func timed(work func()) float64 {
	start := time.Now()
	work()
	return float64(time.Since(start).Nanoseconds()) / 1e3
}

func series(name string, count int, work func(n int)) {
	var samples []float64
	for n := 0; n < count; n++ {
		samples = append(samples, timed(func() { work(n) }))
	}
	printSamples(name, samples)
}

func attributes(name string) netlink.LinkAttrs {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	return attributes
}

func addAddress(handle *netlink.Handle, link netlink.Link, text string) {
	address, err := netlink.ParseAddr(text)
	must(err)
	must(handle.AddrAdd(link, address))
}

func newNamespace(name string) netns.NsHandle {
	namespace, err := netns.NewNamed(name)
	must(err)
	return namespace
}

func operations(prefix string, count int) {
	home, err := netns.Get()
	must(err)
	handle, err := netlink.NewHandle()
	must(err)
	network := fmt.Sprintf("10.%d", prefix[0])
	named := func(kind string, n int) string { return fmt.Sprintf("%s%s%d", prefix, kind, n) }
	makeNamespace := func(name string) {
		namespace := newNamespace(name)
		must(netns.Set(home))
		namespace.Close()
	}
	series("namespace", count, func(n int) {
		makeNamespace(named("n", n))
		must(netns.DeleteNamed(named("n", n)))
	})
	makeNamespace(prefix + "last")
	series("veth", count, func(n int) {
		veth := &netlink.Veth{LinkAttrs: attributes(named("v", n)), PeerName: named("w", n)}
		veth.NumTxQueues, veth.NumRxQueues = 1, 1
		must(handle.LinkAdd(veth))
	})
	var bridges []*netlink.Bridge
	series("bridge", count, func(n int) {
		bridge := &netlink.Bridge{LinkAttrs: attributes(named("b", n))}
		bridge.Flags |= net.FlagUp
		must(handle.LinkAdd(bridge))
		bridges = append(bridges, bridge)
	})
	series("address", count, func(n int) {
		addAddress(handle, bridges[0], fmt.Sprintf("%s.0.%d/24", network, 1+n))
	})
	gateway := net.ParseIP(network + ".0.250")
	series("route", count, func(n int) {
		_, to, err := net.ParseCIDR(fmt.Sprintf("%s.128.%d/32", network, n))
		must(err)
		must(handle.RouteAdd(&netlink.Route{Dst: to, Gw: gateway}))
	})
	series("up", count, func(n int) {
		link, err := handle.LinkByName(named("v", n))
		must(err)
		must(handle.LinkSetUp(link))
	})
}

func setUp(count int) {
	home, err := netns.Get()
	must(err)
	handle, err := netlink.NewHandle()
	must(err)
	bridge := &netlink.Bridge{LinkAttrs: attributes("vb")}
	must(handle.LinkAdd(bridge))
	addAddress(handle, bridge, "10.200.0.1/16")
	must(handle.LinkSetUp(bridge))
	for n := 0; n < count; n++ {
		makeEndpoint(handle, bridge, n)
	}
	must(netns.Set(home))
}

func makeEndpoint(handle *netlink.Handle, bridge *netlink.Bridge, n int) {
	namespace := newNamespace(fmt.Sprintf("vb-%d", n))
	defer namespace.Close()
	inside, err := netlink.NewHandle()
	must(err)
	defer inside.Delete()
	end := attributes(fmt.Sprintf("vbh%d", n))
	end.MasterIndex = bridge.Attrs().Index
	veth := &netlink.Veth{
		LinkAttrs:     end,
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(int(namespace)),
	}
	must(handle.LinkAdd(veth))
	must(handle.LinkSetUp(veth))
	eth0, err := inside.LinkByName("eth0")
	must(err)
	addAddress(inside, eth0, fmt.Sprintf("10.200.%d.%d/16", 1+n/250, 1+n%250))
	must(inside.LinkSetUp(eth0))
	lo, err := inside.LinkByName("lo")
	must(err)
	must(inside.LinkSetUp(lo))
	gateway := net.IPv4(10, 200, 0, 1)
	must(inside.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway}))
}

func hostEndsAreLeft() bool {
	devices, err := os.ReadFile("/proc/thread-self/net/dev")
	must(err)
	return strings.Contains(string(devices), "vbh")
}

func tearDown(count int) {
	handle, err := netlink.NewHandle()
	must(err)
	for n := 0; n < count; n++ {
		must(netns.DeleteNamed(fmt.Sprintf("vb-%d", n)))
	}
	for hostEndsAreLeft() {
		time.Sleep(500 * time.Microsecond)
	}
	bridge, err := handle.LinkByName("vb")
	must(err)
	must(handle.LinkDel(bridge))
}

func counters(what string, repeats int) {
	handle, err := netlink.NewHandle()
	must(err)
	var links []netlink.Link
	read := func() {
		if what == "sweep" {
			links, err = handle.LinkList()
			must(err)
			return
		}
		link, err := handle.LinkByIndex(number(4))
		must(err)
		links = []netlink.Link{link}
	}
	read()
	series("read", repeats, func(int) { read() })
	var received, sent uint64
	for _, link := range links {
		received += link.Attrs().Statistics.RxBytes
		sent += link.Attrs().Statistics.TxBytes
	}
	fmt.Printf("links %d\nreceived %d\nsent %d\n", len(links), received, sent)
}

func main() {
	runtime.LockOSThread()
	switch os.Args[1] {
	case "operations":
		operations(os.Args[2], number(3))
	case "up":
		printSamples("up", []float64{timed(func() { setUp(number(2)) })})
	case "down":
		printSamples("down", []float64{timed(func() { tearDown(number(2)) })})
	default:
		counters(os.Args[2], number(3))
	}
}
