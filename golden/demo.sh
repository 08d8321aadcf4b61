#!/bin/sh
# Indexes the sample home and asks it a few questions, each as a person would type it.
set -eu
home="$(dirname "$0")/home"

run() {
    printf '\n$ assistant'
    for word in "$@"; do
        case "$word" in *[\ \"\?]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    assistant "$@" || test $? -eq 3
}

run add "$home"
run ask "At what temperatures and for how long does the rye bread bake?"
run ask "how does millrace retry a failed job?"
run ask "How do I top up the boiler?"
run ask "Когда я купила билеты в Кутаиси и сколько они стоили?"
run ask "Who won the world chess championship in 1972?"
run recall "boiler pressure" -k 3
run status
