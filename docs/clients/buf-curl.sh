#!/usr/bin/env bash
# Atlas Router from a shell, over gRPC, Connect and gRPC-Web: npm exec -c docs/clients/buf-curl.sh
#
# The gRPC port describes itself by reflection; elsewhere --schema names the protos.
set -uo pipefail
cd "$(dirname "$0")/../.."

grpc="http://${ATLAS_GRPC:-localhost:50051}"
http="${ATLAS_HTTP:-http://localhost:8080}"
model="${ATLAS_MODEL:-openai/gpt-4o-mini}"

ask() { # model text
  echo '{"spec": {"model": "'"$1"'", "messages": [{"role": "ROLE_USER", "parts": [{"text": "'"$2"'"}]}]}}'
}

rivers=$(ask "$model" "Name three rivers.")
# Takes seconds to answer: the simulated fleet repeats what follows "echo:".
long=$(ask "$model" "echo:$(printf ' on and%.0s' {1..5000})")

# Sets the array `command`; the request comes from its standard input.
prepare() { # protocol method [option...]
  local method="atlas.v1.RouterService/$2"
  command=(buf curl --data @- "${@:3}")
  case $1 in
    gRPC) command+=(--protocol grpc "$grpc/$method") ;;
    Connect) command+=(--schema proto --protocol connect "$http/$method") ;;
    gRPC-Web) command+=(--schema proto --protocol grpcweb "$http/$method") ;;
  esac
}

call() { # protocol method request [option...]
  local command
  prepare "$1" "$2" "${@:4}"
  "${command[@]}" <<<"$3"
}

# Where would a call go, and why there?
route() {
  call "$1" Route "$rivers" >"$out" 2>&1 &&
    holds '"endpoint": "' &&
    awk '/"share":/ { sum += $2 } END { exit !(sum > 0.999999 && sum < 1.000001) }' "$out"
}

# The whole answer in one message.
complete() {
  call "$1" Complete "$rivers" >"$out" 2>&1 &&
    holds '"text": "' '"visibleOutputTokens": "' '"totalNanoUsd": "' '"attempts": \['
}

# The answer as it is generated: started first, finished last, numbered without gaps.
stream() {
  call "$1" StreamComplete "$rivers" >"$out" 2>&1 &&
    holds '"content": {' &&
    # The number 0 is left out of the JSON, as is every field with its default value.
    awk '/^  "/ && !/"sequence"/ { kinds = kinds $1 }
      /^  "sequence":/ { gsub(/[^0-9]/, ""); if ($0 != ++last) exit 1 }
      END { exit kinds !~ /^"started":.*"finished":$/ }' "$out"
}

# Ctrl-C ends the call at the router and at the provider.
cancel() {
  local command line since
  prepare "$1" StreamComplete
  set -m # The command gets a process group, which is what Ctrl-C signals.
  "${command[@]}" <<<"$long" >"$pipe" 2>&1 &
  set +m
  exec 3<"$pipe"
  while read -r line <&3 && [[ $line != '"content": {' ]]; do :; done
  since=$SECONDS
  kill -INT -- -$! 2>/dev/null
  cat <&3 >"$out"
  [[ $line == '"content": {' ]] && ((SECONDS - since <= 2)) && ! holds '"finished": {'
}

# buf sends what is left of --timeout as the call's deadline; without it the router takes 300 s.
deadline() {
  call "$1" Complete "$long" --timeout 2s 2>"$out"
  # The exit code is the gRPC code times eight.
  [ $? -eq $((4 * 8)) ] && holds '"code": "deadline_exceeded"'
}

# Every error says in google.rpc messages what is wrong.
error_details() {
  call "$1" Complete "$(ask nobody/nothing "Name three rivers.")" 2>"$out"
  [ $? -eq $((5 * 8)) ] && unpack_details &&
    holds '"code": "not_found"' google.rpc.ErrorInfo MODEL_NOT_FOUND &&
    holds google.rpc.ResourceInfo nobody/nothing ||
    return 1
  call "$1" Complete '{"spec": {"model": "'"$model"'"}}' 2>"$out"
  [ $? -eq $((3 * 8)) ] && unpack_details &&
    holds '"code": "invalid_argument"' google.rpc.BadRequest spec.messages
}

# Adds the details to the output; as serialized messages they hold their texts as they are.
unpack_details() {
  local value
  sed -n 's/.*"value": "\([^"]*\)".*/\1/p' "$out" | while read -r value; do
    # buf leaves out the padding.
    printf '%s%.*s' "$value" $(((4 - ${#value} % 4) % 4)) === | base64 -d
  done >"$out.details" && cat "$out.details" >>"$out"
}

holds() { # pattern...
  local pattern
  for pattern in "$@"; do
    grep -aq -- "$pattern" "$out" || return 1
  done
}

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
out=$folder/out pipe=$folder/pipe
mkfifo "$pipe"
failed=0
for protocol in gRPC Connect gRPC-Web; do
  for check in route complete stream cancel deadline error_details; do
    if $check "$protocol"; then
      echo "ok ${check/_/ } over $protocol"
    else
      echo "FAILED ${check/_/ } over $protocol:"
      head -n 40 "$out"
      failed=1
    fi
  done
done
exit $failed
