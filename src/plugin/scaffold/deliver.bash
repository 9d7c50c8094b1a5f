  name=$(jq -r .artifact.name request.json)
  cp -- "$(jq -r .artifact.path request.json)" "$NODEBAKE_BASE/delivered/$name"
  # What arrived, not what was sent.
  got=$(sha256sum <"$NODEBAKE_BASE/delivered/$name")
  [[ ${got%% *} == $(jq -r .artifact.sha256 request.json) ]] || refuse 100 'something else arrived than was sent'
  jq -cn --arg name "$name" '{protocol: 1, delivered: {location: ("delivered/" + $name)}}'
