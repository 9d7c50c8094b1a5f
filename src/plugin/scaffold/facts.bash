  [[ $(jq -r '.with.diskGiB | type' request.json) == number ]] || refuse 3 'say diskGiB under with'
  jq -c '{protocol: 1, facts: {hardware: {diskGiB: .with.diskGiB}}}' request.json
