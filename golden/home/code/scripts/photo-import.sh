#!/usr/bin/env bash
# Copies pictures from the camera card to ladu:/photos/YEAR/YYYY-MM-DD and never overwrites anything.
# Usage: photo-import.sh /media/mira/CARD
# Exit codes: 0 ok, 1 usage, 5 card not readable, 6 not enough space on ladu, 7 check sums differ.
set -euo pipefail

card=${1:-}
target=/mnt/ladu/photos
need_free_gb=40          # the rest is for Henrik's video lessons

[ -n "$card" ] || { echo "usage: $0 CARD"; exit 1; }
[ -d "$card/DCIM" ] || { echo "no DCIM on $card"; exit 5; }

free=$(df --output=avail -BG "$target" | tail -1 | tr -dc 0-9)
[ "$free" -ge "$need_free_gb" ] || { echo "only $free GB free"; exit 6; }

# Day of the picture from its own metadata; the date of the file is wrong when the
# battery of the camera was empty (all of Lofoten had 2017).
day_of() { exiftool -s3 -d %F -DateTimeOriginal "$1" 2>/dev/null || true; }

# A name which is taken gets _2, _3, ... but only if the content differs.
free_name() {
    local want=$1 n=2 base ext
    base=${want%.*} ext=${want##*.}
    while [ -e "$want" ]; do
        want="${base}_$n.$ext"; n=$((n + 1))
    done
    echo "$want"
}

list=$(mktemp); trap 'rm -f "$list"' EXIT
find "$card/DCIM" -type f \( -iname '*.jpg' -o -iname '*.raf' -o -iname '*.mov' \) -print0 > "$list"

copied=0 skipped=0
while IFS= read -r -d '' file; do
    day=$(day_of "$file"); [ -n "$day" ] || day=undated
    dir="$target/${day%%-*}/$day"; mkdir -p "$dir"
    want="$dir/$(basename "$file" | tr '[:upper:]' '[:lower:]')"
    if [ -e "$want" ] && cmp -s "$file" "$want"; then skipped=$((skipped + 1)); continue; fi
    want=$(free_name "$want")
    cp --preserve=timestamps "$file" "$want"
    [ "$(sha256sum < "$file")" = "$(sha256sum < "$want")" ] || { echo "BROKEN $want"; exit 7; }
    copied=$((copied + 1))
done < "$list"

echo "$copied copied, $skipped already there. The card is NOT erased, do that in the camera."
