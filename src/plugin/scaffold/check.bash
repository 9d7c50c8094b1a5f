  jq -c '{protocol: 1, findings: [
    .files[] | . as $file | .text | split("\n") | to_entries[] | select(.value | contains("FIXME")) | {
      severity: "error",
      rule: "fixme",
      message: "there is work left",
      hint: "do it, or write it down elsewhere",
      file: ($file.plane + $file.path),
      line: (.key + 1)
    }
  ]}' request.json
