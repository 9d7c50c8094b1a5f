  jq -c '{protocol: 1, artifact: {
    ending: "txt",
    text: (["# " + .node.name] + [.files[] | .mode + " " + .plane + .path] | map(. + "\n") | add)
  }}' request.json
