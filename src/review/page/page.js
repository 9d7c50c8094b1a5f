"use strict";
// The page is whole without this: it filters the table, and opens what a link leads into where the browser does not.
(() => {
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  const rows = [...document.querySelectorAll("#fleet tbody tr")];
  const filter = document.getElementById("filter");
  const left = document.getElementById("left");
  if (rows.length < 2) return;
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    left.textContent = count + " of " + rows.length;
  });
})();
