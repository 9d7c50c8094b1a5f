  [[ $(jq -r '.with.owner | type' request.json) == string ]] || refuse 3 'say the owner under with'
  # The text is a template: nodebake quotes the value for the type of the file.
  jq -c '{protocol: 1, files: [{
    op: "add",
    path: "/etc/motd.d/NAME",
    mode: "0644",
    type: "lines",
    text: "owner: {{ values.owner }}\n",
    values: {owner: .with.owner}
  }]}' request.json
