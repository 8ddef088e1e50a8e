// Draws the charts of a page, each when it is first seen and again when its width changes. Text and lines have the
// colour of the page's text, so that light, dark and paper need nothing.
{
  const least = 280, file = 760;
  const plain = {mode: "vega-lite", renderer: "svg", actions: false};
  const rowsOf = (chart) => chart.rows.map((row) => {
    const named = {};
    row.forEach((value, column) => { if (value !== null) named[chart.columns[column]] = value; });
    return named;
  });

  const columnsOf = ({spec, panel}, width) => panel
    ? Math.max(1, Math.min(spec.columns || spec.concat.length, Math.floor(width / panel))) : 1;

  const sized = (chart, width) => {
    const columns = columnsOf(chart, width);
    const legend = {columns: chart.panel || width > 560 ? 2 : 1, labelLimit: Math.floor(width / columns) - 24};
    const spec = {...structuredClone(chart.spec), data: {values: rowsOf(chart)}};
    spec.config = {...look.config, legend: {...look.config.legend, ...legend}};
    if (!chart.panel) return {...spec, width, autosize: {type: "fit-x", contains: "padding"}};
    const each = Math.floor(width / columns) - look.axes;
    return {...spec, columns, concat: spec.concat.map((panel) => ({...panel, width: each}))};
  };

  const tip = document.body.appendChild(document.createElement("table"));
  tip.className = "chart-tip";
  tip.hidden = true;
  const say = (_, event, item, value) => {
    const said = value && typeof value === "object"
      ? Object.entries(value).filter(([, text]) => !["", "null", "undefined", "NaN"].includes(String(text))) : [];
    tip.hidden = !said.length;
    if (tip.hidden) return;
    tip.replaceChildren(...said.map(([name, text]) => {
      const row = document.createElement("tr");
      row.append(document.createElement("th"), document.createElement("td"));
      row.cells[0].textContent = name;
      row.cells[1].textContent = text;
      return row;
    }));
    const at = event.touches ? event.touches[0] || event.changedTouches[0] : event;
    const {width, height} = tip.getBoundingClientRect();
    const left = Math.min(at.clientX + 14, innerWidth - width - 8);
    const top = at.clientY + 16 + height > innerHeight ? at.clientY - height - 12 : at.clientY + 16;
    tip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
  };
  addEventListener("scroll", () => { tip.hidden = true; }, {passive: true});

  const draw = (element, width) => {
    const chart = charts[element.dataset.chart];
    element.dataset.width = width;
    return vegaEmbed(element, sized(chart, width), {...plain, tooltip: say})
      .catch((error) => { element.textContent = `This chart could not be drawn: ${error.message}`; });
  };

  // The chart as in the study's folder of figures: on white, with its title.
  const lines = (text, width) => {
    const found = [""];
    for (const word of text.split(" ")) {
      if (found[found.length - 1].length + word.length > width / 7.6) found.push("");
      found[found.length - 1] += (found[found.length - 1] && " ") + word;
    }
    return found;
  };
  const save = async (name, kind) => {
    const chart = charts[name], link = document.createElement("a");
    let url;
    if (kind === "csv") {
      const cell = (value) => value === null ? "" : /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value;
      const text = [chart.columns, ...chart.rows].map((row) => row.map(cell).join(",") + "\n").join("");
      url = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
    } else {
      const title = {text: lines(chart.title, file), subtitle: lines(chart.drawn, file), offset: 14};
      const spec = {...sized(chart, file), title, background: "white", padding: 14};
      const light = JSON.parse(JSON.stringify(spec).replaceAll(`"${look.ink}"`, `"${look.fileInk}"`));
      const {view} = await vegaEmbed(document.createElement("div"), light, plain);
      url = kind === "png" ? await view.toImageURL("png", 2)
        : URL.createObjectURL(new Blob([await view.toSVG()], {type: "image/svg+xml"}));
      view.finalize();
    }
    Object.assign(link, {href: url, download: `${name}.${kind}`}).click();
  };

  const places = Array.from(document.querySelectorAll("[data-chart]"));
  for (const element of places) {
    const links = document.createElement("p");
    links.className = "chart-links";
    for (const [kind, said] of [["csv", "data (CSV)"], ["svg", "SVG"], ["png", "PNG"]]) {
      const button = document.createElement("button");
      Object.assign(button, {type: "button", textContent: said, onclick: () => save(element.dataset.chart, kind)});
      links.append(button);
    }
    element.after(links);
  }

  // A chart in a part that is closed has no width; it is drawn when the part is opened.
  const fit = (element) => {
    const width = Math.max(least, Math.floor(element.clientWidth));
    if (element.clientWidth && Number(element.dataset.width) !== width) draw(element, width);
  };
  const seen = new ResizeObserver((entries) => requestAnimationFrame(() => entries.forEach(({target}) => fit(target))));
  places.forEach((element) => seen.observe(element));

  // On paper charts keep the proportions of their place, and panels stand side by side.
  const paper = (element) => charts[element.dataset.chart].panel ? 990 : element.closest(".pair") ? 500 : 720;
  addEventListener("beforeprint", () => places.forEach((element) => draw(element, paper(element))));
  addEventListener("afterprint", () => places.forEach(fit));
}
