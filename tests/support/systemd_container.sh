# Runs in new mount, pid, cgroup, uts and ipc namespaces: makes a root file system of its own, then becomes systemd.
#
#     systemd_container.sh NEW UNITS SHARED READ_ONLY…
#
# NEW: an empty folder for the root. UNITS: the folder of the unit files, its /etc/systemd/system. SHARED: the one folder of
# the machine that it may write, at the same path. READ_ONLY: folders that it sees at the same path.
#
# Nothing else of the machine is writable inside: a systemd that boots empties /tmp, sets up /dev and writes to /etc.
set -eu
new=$1 units=$2 shared=$3
shift 3

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$new"
for folder in dev etc proc run root sys tmp usr var var/log; do mkdir "$new/$folder"; done
mount -t tmpfs -o mode=755 tmpfs "$new/run"
mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
for link in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$link" ]; then ln -s "usr/$link" "$new/$link"; fi
done
for folder in /usr "$@"; do
  mkdir -p "$new$folder"
  mount --rbind "$folder" "$new$folder"
  mount -o remount,bind,ro "$new$folder"
done
mkdir -p "$new$shared"
mount --bind "$shared" "$new$shared"

for file in passwd group nsswitch.conf ld.so.cache; do
  if [ -e "/etc/$file" ]; then cp "/etc/$file" "$new/etc/"; fi
done
if [ -d /etc/alternatives ]; then cp -a /etc/alternatives "$new/etc/"; fi
echo "person:x:54320:54320::$shared/home:/bin/sh" >>"$new/etc/passwd"
echo "person:x:54320:" >>"$new/etc/group"
printf '0123456789abcdef0123456789abcdef\n' >"$new/etc/machine-id"
mkdir -p "$new/etc/systemd/system"
mount --bind "$units" "$new/etc/systemd/system"

mount -t proc proc "$new/proc"
mount -t tmpfs -o mode=755 tmpfs "$new/dev"
for device in null zero full random urandom tty; do
  : >"$new/dev/$device"
  mount --bind "/dev/$device" "$new/dev/$device"
done
ln -s /proc/self/fd "$new/dev/fd"
mkdir -p "$new/dev/shm" "$new/dev/pts" "$new/var/log/journal"
mount -t sysfs -o ro sysfs "$new/sys" # else systemd mounts one, and the machine's cgroups below it
mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"

cd "$new"
mkdir old
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=hero-build PATH=/usr/bin:/usr/sbin SYSTEMD_UNIT_PATH=/etc/systemd/system \
  /usr/lib/systemd/systemd --unit=multi-user.target --log-target=null --show-status=false
