(() => {
  "use strict";
  const rows = Array.from(document.getElementById("rows").tBodies[0].rows);
  const words = rows.map((row) => row.textContent.toLowerCase());

  const value = (row, column, numeric) => {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim().toLowerCase();
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };

  // Empty cells come last in either direction; equal ones keep their order.
  const compare = (a, b, sign) => {
    const emptyA = a === null || a === "", emptyB = b === null || b === "";
    if (emptyA || emptyB) return emptyA - emptyB;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    const headers = Array.from(table.tHead.rows[0].cells);
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => {
        const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        headers.forEach((other) => other.setAttribute("aria-sort", other === header ? direction : "none"));
        const numeric = "numeric" in header.dataset;
        const sign = direction === "ascending" ? 1 : -1;
        const keyed = Array.from(body.rows, (row) => [value(row, column, numeric), row]);
        keyed.sort((a, b) => compare(a[0], b[0], sign));
        body.append(...keyed.map((pair) => pair[1]));
      });
    });
  };
  document.querySelectorAll("table.sortable").forEach(sortable);

  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = wanted.every((word) => words[index].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
  });
})();
