#!/bin/sh
# sh recognize.sh http://127.0.0.1:8888 imgs/sign.jpg [job]
# Needs curl 7.84. --retry waits as long as Retry-After says when the server is busy (503).
set -eu
if [ $# -lt 2 ]; then
    echo "usage: sh recognize.sh http://127.0.0.1:8888 IMAGE [job]" >&2
    exit 2
fi
server=$1
image=$2

ask() {
    curl --silent --show-error --fail-with-body --retry 3 "$@"
}

if [ "${3:-}" = job ]; then
    answer=$(ask --write-out '\n%header{location}' \
        --form file=@"$image" --form block_flag=false "$server/ocr") || {
        printf "%s\n" "$answer" >&2 && exit 1
    }
    job=$(printf "%s\n" "$answer" | tail -n 1)
    while :; do
        state=$(ask --output /dev/null --write-out '%header{x-job-state}' "$server$job?wait=30")
        case $state in
            queued | running) ;;
            done) break ;;
            *) echo "job $state" >&2 && exit 1 ;;
        esac
    done
    ask "$server$job?format=text"
else
    ask --form file=@"$image" --form format=text "$server/ocr"
fi
