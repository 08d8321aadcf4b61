#!/usr/bin/env bash
# Копия маминого компьютера на синий диск. Запускается иконкой на рабочем столе.
set -u

disk=/media/galina/SININE
src=/home/galina
keep=3

say() { notify-send "Копия" "$1"; echo "$1"; }

if ! mountpoint -q "$disk"; then
    say "Диск не подключён. Вставь СИНИЙ диск и нажми ещё раз."
    exit 1
fi

free=$(df --output=avail -BG "$disk" | tail -1 | tr -dc 0-9)
if [ "$free" -lt 15 ]; then
    say "На диске мало места ($free ГБ). Позвони Мире."
    exit 2
fi

today=$(date +%F)
last=$(ls -1d "$disk"/copy-* 2>/dev/null | tail -1)
rsync -a --delete ${last:+--link-dest="$last"} \
    --exclude .cache --exclude Загрузки \
    "$src/" "$disk/copy-$today.part/" || { say "Ошибка копирования, позвони Мире."; exit 3; }
mv "$disk/copy-$today.part" "$disk/copy-$today"

# the oldest ones go, three stay
ls -1d "$disk"/copy-????-??-?? | head -n -"$keep" | xargs -r -d '\n' rm -rf
say "Готово, $today. Диск можно вынуть."
