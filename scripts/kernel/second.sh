# The first process in the real root: runs the command, hands over what it prints and its exit code, and
# ends the machine.

echo vethwork >/proc/sys/kernel/hostname

# Modules of tunnels would put links of their own into each namespace.
echo 1 >/proc/sys/net/core/fb_tunnels_only_for_init_net

# What tunnels wrap their packets in, a kernel does not load by itself.
/sbin/modprobe -q fou

# Programs expect a pipe or a file rather than a port, which only one may open.
mkfifo /run/output
cat /run/output >/dev/vport0p1 &
reader=$!
sh /run/share/command </dev/null >/run/output 2>&1
code=$?

# What the command has left running would keep the pipe open.
for directory in /proc/[0-9]*; do
  process=${directory#/proc/}
  case $process in
  1 | "$reader") ;;
  *) kill -KILL "$process" 2>/dev/null ;;
  esac
done
wait "$reader"

echo "$code" >/run/share/code
# A reboot, which any kernel can, is the end where the machine may not start anew.
echo b >/proc/sysrq-trigger
