"use strict";
// Contents are open where they stand beside the text, and folded above it.
document.querySelector("nav details").open = matchMedia("(min-width: 60rem)").matches;
// Sorting: within each group of rows, numbers as numbers, cells without a value last.
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const was = heading.getAttribute("aria-sort");
      const rises = was ? was !== "ascending" : column === 0;
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((row) => row.cells.length > 1);
        const key = (row) => row.cells[column].dataset.sort;
        rows.sort((left, right) => {
          const [a, b] = [key(left), key(right)];
          if (a === "" || b === "") return (a === "") - (b === "");
          const [x, y] = [Number(a), Number(b)];
          const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
          return rises ? order : -order;
        });
        body.append(...rows);
      }
    });
  });
}
// A number opens the configuration of its runs where the reader is; without this script its link
// leads to the list of runs.
const dialog = document.querySelector("dialog");
const body = dialog.querySelector("div");
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-runs]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  dialog.querySelector("h3").textContent = link.dataset.title;
  body.replaceChildren();
  link.dataset.runs.split(" ").forEach((id, number) => {
    const run = document.getElementById("run-" + id).cloneNode(true);
    run.removeAttribute("id");
    run.open = number === 0;
    body.append(run);
  });
  dialog.showModal();
});
dialog.querySelector("button").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
const openTarget = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();
