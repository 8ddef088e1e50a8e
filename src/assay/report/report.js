(() => {
  "use strict";
  const table = document.getElementById("rows");
  const form = document.getElementById("filters");
  const rows = Array.from(table.tBodies[0].rows);
  const words = rows.map((row) => row.textContent.toLowerCase());
  const headers = Array.from(table.tHead.rows[0].cells);
  const columnOf = (name) => headers.findIndex((header) => header.dataset.field === name);

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

  const sort = (sorted, header, direction) => {
    const others = Array.from(sorted.tHead.rows[0].cells), body = sorted.tBodies[0];
    others.forEach((other) => other.setAttribute("aria-sort", other === header ? direction : "none"));
    const numeric = "numeric" in header.dataset, column = others.indexOf(header);
    const keyed = Array.from(body.rows, (row) => [value(row, column, numeric), row]);
    keyed.sort((a, b) => compare(a[0], b[0], direction === "ascending" ? 1 : -1));
    body.append(...keyed.map((pair) => pair[1]));
  };

  // The view of the evidence stands in the address: #evidence?architecture=lstm&verdict=learned&sort=-width
  const remember = () => {
    const view = new URLSearchParams();
    for (const field of form.elements) if (field.name && field.value) view.set(field.name, field.value);
    const by = headers.find((header) => header.getAttribute("aria-sort") !== "none");
    if (by) view.set("sort", (by.getAttribute("aria-sort") === "descending" ? "-" : "") + by.dataset.field);
    history.replaceState(null, "", "#evidence" + (view.size ? "?" + view : ""));
  };

  const filter = () => {
    const wanted = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = Array.from(form.elements).filter((field) => field.tagName === "SELECT" && field.value);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = wanted.every((word) => words[index].includes(word)) &&
        chosen.every((field) => row.cells[columnOf(field.name)].textContent.trim() === field.value);
      row.hidden = !fits;
      shown += fits;
    });
    document.getElementById("shown").textContent = `${shown} of ${rows.length}`;
  };

  document.querySelectorAll("table.sortable").forEach((sortable) => {
    for (const header of sortable.tHead.rows[0].cells) {
      header.querySelector("button").addEventListener("click", () => {
        sort(sortable, header, header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
        if (sortable === table) remember();
      });
    }
  });
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  form.addEventListener("submit", (event) => event.preventDefault());

  const open = (element) => {
    for (let part = element; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  };

  // An address opens the part it points to, and shows the view of the evidence that it describes.
  const follow = () => {
    const [id, query] = location.hash.slice(1).split("?");
    const target = id && document.getElementById(decodeURIComponent(id));
    if (!target) return;
    open(target);
    if (id === "evidence") {
      const view = new URLSearchParams(query);
      for (const field of form.elements) if (field.name) field.value = view.get(field.name) || "";
      filter();
      const by = view.get("sort") || "", header = headers[columnOf(by.replace(/^-/, ""))];
      if (header) sort(table, header, by.startsWith("-") ? "descending" : "ascending");
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  const folds = Array.from(document.querySelectorAll("details.fold"));
  const all = document.getElementById("unfold");
  all.addEventListener("click", () => {
    const opened = all.getAttribute("aria-expanded") !== "true";
    folds.forEach((part) => { part.open = opened; });
    all.setAttribute("aria-expanded", String(opened));
    all.textContent = opened ? "Close all parts" : "Open all parts";
  });

  // Paper has every part open, except the evidence.
  let before = [];
  addEventListener("beforeprint", () => {
    before = folds.filter((part) => !part.open && part.id !== "evidence");
    before.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => before.forEach((part) => { part.open = false; }));
})();
