#!/bin/sh
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# finish.sh ROOT KEYS USER: make the installed system below ROOT one that boots and lets USER in.
set -eu
root=$1 keys=$2 user=$3

chroot "$root" useradd --create-home --shell /bin/bash "$user"
install -d -m 700 "$root/home/$user/.ssh"
install -m 600 "$keys/user.pub" "$root/home/$user/.ssh/authorized_keys"
chroot "$root" chown -R "$user:" "/home/$user/.ssh"
chmod 440 "$root/etc/sudoers.d/$user"

rm "$root"/etc/ssh/ssh_host_*
install -m 600 "$keys/host" "$root/etc/ssh/ssh_host_ed25519_key"

chroot "$root" systemctl --quiet enable ssh systemd-networkd
# What starts at a time of its own, wants an uplink, or is for single tests to start.
chroot "$root" systemctl --quiet disable \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
  firewalld nftables systemd-networkd-wait-online

# A machine is told its name by the command line of its kernel; it makes its number itself.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
