#!/usr/bin/env bash
# Nightly backup of this laptop to ladu. Started by backup-kiiver.timer at 02:40.
# Exit codes: 0 ok, 10 on battery, 11 not at home, 12 NAS not reachable, else restic's own.
set -euo pipefail

profile="$HOME/config/restic-profile.toml"
nas=192.168.40.10

get() { python3 -c 'import sys, tomllib
d = tomllib.load(open(sys.argv[1], "rb"))
for k in sys.argv[2].split("."): d = d[k]
print(d if not isinstance(d, list) else "\n".join(d))' "$profile" "$1"; }

on_battery() {
    for supply in /sys/class/power_supply/A*/online; do
        [ -e "$supply" ] && [ "$(cat "$supply")" = 1 ] && return 1
    done
    return 0
}

on_battery && { echo "on battery, skipping"; exit 10; }
ip route | grep -q 'default via 192.168.40.1 ' || { echo "not at home"; exit 11; }

# After a power cut the NAS needs a while: six tries, 30 seconds apart.
for try in 1 2 3 4 5 6; do
    ping -c1 -W2 "$nas" >/dev/null && break
    [ "$try" = 6 ] && { echo "no NAS"; exit 12; }
    sleep 30
done

export RESTIC_REPOSITORY RESTIC_PASSWORD_COMMAND
RESTIC_REPOSITORY=$(get repository.primary)
RESTIC_PASSWORD_COMMAND=$(get repository.password_command)

excludes=()
while read -r pattern; do excludes+=(--exclude "${pattern/#\~/$HOME}"); done < <(get exclude.paths)

restic backup "$HOME" "${excludes[@]}" \
    --exclude-larger-than "$(get exclude.larger_than)" \
    --limit-upload "$(get limits.upload_kib)" --tag nightly

if [ "$(date +%u)" = 7 ]; then
    restic forget --prune --tag nightly \
        --keep-daily "$(get retention.daily)" \
        --keep-weekly "$(get retention.weekly)" \
        --keep-monthly "$(get retention.monthly)"
    restic check --read-data-subset "$(get limits.check_subset)"
fi
